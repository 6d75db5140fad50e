"""From the files in which MNIST and CIFAR-10 are published to arrays.

Every decoder takes the folder that holds the files and returns ``x_train``, ``y_train``, ``x_test`` and
``y_test``: images uint8 (N, H, W, C) with pixels 0..255, labels uint8 (N,). None of them unpickles
anything, because the files come from the network. Malformed content raises ``ValueError``; sizes are
checked before memory is taken.
"""

import gzip
import itertools
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from cnnedge.data.published.archive import unpack
from cnnedge.progress import Progress

Arrays = dict[str, np.ndarray]
Decoder = Callable[[Path, Progress], Arrays]

ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CIFAR_SHAPE = (32, 32, 3)
# The largest published IDX file is MNIST's training images, 47,040,016 bytes.
MAX_IDX_BYTES = 50_000_000
# Every published CIFAR-10 batch holds 10,000 images; their archive unpacks into 184.4 MB.
MAX_BATCH_IMAGES = 10_000
MAX_CIFAR_BYTES = 200_000_000
_IDX_UINT8 = 0x08


def mnist_idx(folder: Path, progress: Progress) -> Arrays:
    """Decode the four IDX files (format: http://yann.lecun.com/exdb/mnist/, "FILE FORMATS")."""
    return _mnist(lambda name: (folder / name).open("rb"), progress)


def mnist_idx_gz(folder: Path, progress: Progress) -> Arrays:
    """Decode the four gzipped IDX files."""
    return _mnist(lambda name: cast(BinaryIO, gzip.open(folder / f"{name}.gz")), progress)


def _mnist(open_file: Callable[[str], BinaryIO], progress: Progress) -> Arrays:
    arrays = {}
    for done, (array, name) in enumerate(zip(ARRAY_NAMES, IDX_FILES, strict=True), start=1):
        with open_file(name) as stream:
            values = _read_idx(stream, name)
        arrays[array] = values[..., np.newaxis] if values.ndim == 3 else values
        progress("decode mnist", done, len(IDX_FILES))
    return arrays


def _read_idx(stream: BinaryIO, name: str) -> np.ndarray:
    """Read one uint8 array: two zero bytes, type code, number of axes, big-endian sizes, then the values."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != bytes((0, 0, _IDX_UINT8)) or magic[3] not in (1, 3):
        raise ValueError(f"{name} does not begin like an IDX file of uint8 images or labels")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise ValueError(f"{name} ends inside its header")
    shape = struct.unpack(f">{magic[3]}I", header)
    size = math.prod(shape)
    if size > MAX_IDX_BYTES:
        raise ValueError(f"{name} claims {size:,} values, expected at most {MAX_IDX_BYTES:,}")
    content = stream.read(size + 1)
    if len(content) != size:
        raise ValueError(f"{name} does not hold the {size:,} values that its header claims")
    return np.frombuffer(content, np.uint8).reshape(shape)


def cifar10_binary(folder: Path, progress: Progress) -> Arrays:
    """Decode ``cifar-10-binary.tar.gz``, the binary version of https://www.cs.toronto.edu/~kriz/cifar.html.

    Each batch is a row of records: one label byte, then a red, a green and a blue plane of 32x32 bytes.
    """
    members = tuple(f"cifar-10-batches-bin/{batch}.bin" for batch in CIFAR_BATCHES)
    unpack(folder / "cifar-10-binary.tar.gz", members, folder, max_bytes=MAX_CIFAR_BYTES)
    return _cifar10(lambda batch: _read_binary_batch(folder / f"{batch}.bin"), progress)


def _read_binary_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    height, width, channels = CIFAR_SHAPE
    record = 1 + height * width * channels
    count, rest = divmod(path.stat().st_size, record)
    if rest or not 0 < count <= MAX_BATCH_IMAGES:
        raise ValueError(f"{path.name} is not 1 to {MAX_BATCH_IMAGES:,} records of {record:,} bytes")
    records = np.fromfile(path, np.uint8).reshape(count, record)
    planes = records[:, 1:].reshape(count, channels, height, width)
    return planes.transpose(0, 2, 3, 1), records[:, 0]


def cifar10_png(folder: Path, progress: Progress) -> Arrays:
    """Decode the sheets ``<batch>.png`` and the labels ``train_lables.json`` and ``test_lables.json`` (so
    spelt).

    A sheet is RGB, 1,024 pixels wide: every row of it is the 3,072 bytes of one image (height, width, RGB).
    """
    train_labels = iter(_read_labels(folder / "train_lables.json"))
    test_labels = iter(_read_labels(folder / "test_lables.json"))

    def read(batch: str) -> tuple[np.ndarray, np.ndarray]:
        images = _read_sheet(folder / f"{batch}.png")
        labels = test_labels if batch == "test_batch" else train_labels
        return images, np.fromiter(itertools.islice(labels, len(images)), np.uint8)

    return _cifar10(read, progress)


def _cifar10(read: Callable[[str], tuple[np.ndarray, np.ndarray]], progress: Progress) -> Arrays:
    batches = []
    for done, batch in enumerate(CIFAR_BATCHES, start=1):
        batches.append(read(batch))
        progress("decode cifar10", done, len(CIFAR_BATCHES))
    *train, (x_test, y_test) = batches
    return {
        "x_train": np.concatenate([images for images, _ in train]),
        "y_train": np.concatenate([labels for _, labels in train]),
        "x_test": np.ascontiguousarray(x_test),
        "y_test": np.ascontiguousarray(y_test),
    }


def _read_sheet(path: Path) -> np.ndarray:
    from PIL import Image

    pixels_per_image = math.prod(CIFAR_SHAPE) // 3
    with Image.open(path, formats=["PNG"]) as sheet:
        if sheet.mode != "RGB" or sheet.width != pixels_per_image or sheet.height > MAX_BATCH_IMAGES:
            raise ValueError(
                f"{path.name} is {sheet.mode} {sheet.width}x{sheet.height}, "
                f"expected RGB {pixels_per_image}x{MAX_BATCH_IMAGES}"
            )
        return np.asarray(sheet).reshape(-1, *CIFAR_SHAPE)


def _read_labels(path: Path) -> list[int]:
    labels = json.loads(path.read_bytes())
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"{path.name} is not a list of whole numbers 0..255")
    return labels
