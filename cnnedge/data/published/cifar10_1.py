"""CIFAR-10.1: 2,000 new pictures of CIFAR-10's classes, from two files that the user supplies.

Recht, Roelofs, Schmidt and Shankar 2018, "Do CIFAR-10 Classifiers Generalize to CIFAR-10?", arXiv 1806.00451; the files
are in github.com/modestyachts/CIFAR-10.1, folder ``datasets``. They are not downloaded here.
"""

from pathlib import Path

import numpy as np

from cnnedge.data.array_split import ArraySplit
from cnnedge.errors import DataError

VERSION = "v6"
IMAGES = 2000
CLASSES = 10
_SHAPES = {f"cifar10.1_{VERSION}_data.npy": (IMAGES, 32, 32, 3), f"cifar10.1_{VERSION}_labels.npy": (IMAGES,)}


def read_cifar10_1(folder: Path) -> ArraySplit:
    """The images uint8 ``(2000, 32, 32, 3)`` RGB and the labels 0..9, in the order of CIFAR-10's classes.

    Raises:
        DataError: a file is missing, is no array, or has another shape, dtype or range.
    """
    images, labels = (_read(folder / file, shape) for file, shape in _SHAPES.items())
    if images.dtype != np.uint8:
        raise DataError(f"{folder}: the images are {images.dtype}, expected uint8: download them again")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= CLASSES:
        raise DataError(f"{folder}: the labels are {labels.dtype} up to {labels.max()}, expected classes 0..9")
    return ArraySplit(images, labels.astype(np.int64))


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path} does not exist: expected the folder that holds {' and '.join(_SHAPES)}")
    try:
        array = np.load(path, allow_pickle=False)  # a pickle runs whatever code it holds
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as an array ({error}): download it again") from None
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise DataError(f"{path} has shape {getattr(array, 'shape', None)}, expected {shape}")
    return array
