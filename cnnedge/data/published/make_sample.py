"""Make the MNIST sample that is part of the package: ``python -m cnnedge.data.published.make_sample``.

It needs the full dataset and writes ``mnist_sample.npz`` beside this file.
"""

import io
from pathlib import Path

import numpy as np

from cnnedge.data.published.cache import data_folder
from cnnedge.data.published.catalogue import MNIST
from cnnedge.data.published.download import SAMPLE, fetch
from cnnedge.data.published.parse import Arrays
from cnnedge.errors import DataError
from cnnedge.files import write_atomically

TRAIN_PER_CLASS = 100
TEST_PER_CLASS = 50
SEED = 0


def choose_sample(arrays: Arrays) -> Arrays:
    """Choose the same number of images of every class, in the dataset's order; arrays as in ``decode``."""
    train = _balanced(arrays["y_train"], TRAIN_PER_CLASS)
    test = _balanced(arrays["y_test"], TEST_PER_CLASS)
    return {
        "x_train": arrays["x_train"][train],
        "y_train": arrays["y_train"][train],
        "x_test": arrays["x_test"][test],
        "y_test": arrays["y_test"][test],
    }


def _balanced(labels: np.ndarray, per_class: int) -> np.ndarray:
    random = np.random.default_rng(SEED)
    chosen = [random.choice(np.flatnonzero(labels == label), per_class, replace=False) for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def write_sample(path: Path) -> None:
    """Write the sample as a compressed ``.npz`` without pickles.

    Raises:
        DataError: the full dataset cannot be had.
    """
    arrays, source = fetch(MNIST, data_folder())
    if source == SAMPLE:
        raise DataError("the sample is made from the full MNIST, and no source gave it")
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **choose_sample(arrays))
    write_atomically(path, content.getvalue())


if __name__ == "__main__":
    write_sample(Path(__file__).with_name("mnist_sample.npz"))
