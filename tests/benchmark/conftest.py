import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cnnedge.benchmark.candidate import Candidate
from cnnedge.data import ArraySplit, Split
from tests.support import lookup_runners

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(autouse=True)
def workers_find_the_tests(monkeypatch):
    """Worker processes import ``tests.support.lookup_runners``, wherever pytest was started."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def split() -> Split:
    """600 images whose class is written in their first pixel."""
    labels = np.random.default_rng(1).integers(0, lookup_runners.CLASSES, 600)
    return ArraySplit(lookup_runners.labelled_images(labels), labels)


@pytest.fixture
def lookup() -> Callable[..., Candidate]:
    """Make a candidate that ``lookup_runners.open_lookup`` opens; other keywords are the opener's options."""

    def make(name: str, *, format: str = "tflite", mode: str = "", sha256: str = "", **options) -> Candidate:
        return Candidate(
            name=name, format=format, precision="float32", qat=False, size_bytes=1000, mode=mode,
            sha256=sha256, opener="tests.support.lookup_runners:open_lookup", options=options,
        )  # fmt: skip

    return make
