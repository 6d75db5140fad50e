"""The two files of CIFAR-10.1, made here with the published shapes."""

import numpy as np
import pytest

from cnnedge.data.published.cifar10_1 import read_cifar10_1
from cnnedge.errors import DataError

IMAGES, LABELS = "cifar10.1_v6_data.npy", "cifar10.1_v6_labels.npy"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / IMAGES, rng.integers(0, 256, (2000, 32, 32, 3), dtype=np.uint8))
    np.save(tmp_path / LABELS, np.arange(2000, dtype=np.int32) % 10)
    return tmp_path


def test_read(folder):
    split = read_cifar10_1(folder)
    assert (len(split), *split.image_shape) == (2000, 32, 32, 3)
    assert split.labels.dtype == np.int64 and split.labels[11] == 1


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        (IMAGES, np.zeros((2021, 32, 32, 3), np.uint8), r"shape \(2021, 32, 32, 3\), expected \(2000, 32, 32, 3\)"),
        (IMAGES, np.zeros((2000, 32, 32, 3)), "images are float64, expected uint8"),
        (LABELS, np.zeros((2000, 1), np.int32), r"shape \(2000, 1\), expected \(2000,\)"),
        (LABELS, np.full(2000, 10), r"labels are int64 up to 10, expected classes 0\.\.9"),
        (LABELS, np.zeros(2000), r"labels are float64"),
    ],
)
def test_other_contents_are_refused(folder, file, array, message):
    np.save(folder / file, array)
    with pytest.raises(DataError, match=message):
        read_cifar10_1(folder)


def test_a_pickle_is_never_opened(folder):
    np.save(folder / LABELS, np.array([{"a": 1}] * 2000, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as an array"):
        read_cifar10_1(folder)


def test_a_missing_file_is_named(folder):
    (folder / LABELS).unlink()
    with pytest.raises(DataError, match=rf"{LABELS} does not exist: expected the folder that holds {IMAGES} and"):
        read_cifar10_1(folder)
    (folder / IMAGES).write_bytes(b"hello")
    with pytest.raises(DataError, match="cannot be read as an array"):
        read_cifar10_1(folder)
