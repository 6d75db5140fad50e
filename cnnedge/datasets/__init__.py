"""Datasets: published ones by name, and folders of images.

``load("mnist")`` fetches on first use and keeps the decoded arrays; ``load("photos/")`` reads ``photos/<class>/*``.
"""

from pathlib import Path

import numpy as np

from cnnedge.datasets.cache import data_folder
from cnnedge.datasets.catalogue import SPECS
from cnnedge.datasets.fetch import SAMPLE_SOURCE, fetch
from cnnedge.datasets.splits import Dataset, Split, hold_out
from cnnedge.errors import UsageError
from cnnedge.progress import Progress, silent

__all__ = ["Dataset", "Split", "load", "names"]


def names() -> list[str]:
    """The published datasets that ``load`` knows."""
    return sorted(SPECS)


def load(
    name_or_folder: str | Path,
    *,
    seed: int = 0,
    validation: int = 2000,
    calibration: int = 500,
    progress: Progress = silent,
) -> Dataset:
    spec = SPECS[str(name_or_folder)]
    arrays, source = fetch(spec, data_folder(), progress)
    training = Split(arrays["x_train"], arrays["y_train"].astype(np.int64))
    test = Split(arrays["x_test"], arrays["y_test"].astype(np.int64))
    parts = hold_out(training, test, seed=seed, validation=validation, calibration=calibration)
    return Dataset(spec.name, spec.labels, *parts, test, source, source == SAMPLE_SOURCE, spec.licence, seed)
