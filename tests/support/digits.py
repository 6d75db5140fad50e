"""Real digits, from the MNIST sample in the package: as arrays, and as folders of pictures."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DIGITS = tuple(str(digit) for digit in range(10))


def digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 28, 28, 1) and int64 (N,); 1,000 for ``train``, 500 for ``test``."""
    with np.load(files("cnnedge.data.published") / "mnist_sample.npz") as arrays:
        return arrays[f"x_{part}"].reshape(-1, 28, 28, 1), arrays[f"y_{part}"].astype(np.int64)


def write_image_folder(folder: Path, **per_class: int | None) -> Path:
    """``<part>/<class>/<number>.png``: the first so many of each class, or all; ``train=20, test=None``."""
    for part, most in per_class.items():
        images, labels = digits(part)
        for digit in range(10):
            target = folder / part / str(digit)
            target.mkdir(parents=True)
            for index in np.flatnonzero(labels == digit)[:most]:
                Image.fromarray(images[index, :, :, 0]).save(target / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def digit_folder(tmp_path_factory) -> Path:
    """``train`` with 20 pictures of each digit, ``test`` with 12; for reading only."""
    return write_image_folder(tmp_path_factory.mktemp("digits"), train=20, test=12)
