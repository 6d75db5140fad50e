"""A real Runner in plain Python whose answers are known, and who misbehaves when told to.

The class of an image is written in its first pixel, so a perfect classifier is one lookup. It runs in worker
processes, opened as ``tests.support.lookup_runners:open_lookup``.
"""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnedge.data import Split
from cnnedge.documents import Data
from cnnedge.errors import ModelError
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec

CLASSES = 4
LABELS = ("a", "b", "c", "d")
SHAPE = (4, 4, 1)


def labelled_images(labels: np.ndarray) -> np.ndarray:
    """uint8 images (N, 4, 4, 1) with the class in the first pixel."""
    images = np.random.default_rng(0).integers(0, 256, (len(labels), *SHAPE), np.uint8)
    images[:, 0, 0, 0] = labels
    return images


def facts(split: Split, labels: Sequence[str] = LABELS) -> Data:
    """What the document says of labelled images."""
    return Data("labelled", "test", len(split), split.sha256, len(split), list(labels), "", False)


class LookupRunner(Runner):
    """Answers what the first pixel says, after ``microseconds``; wrong for every ``wrong_every``-th other
    pixel."""

    def __init__(
        self, misbehave: str, *, good_calls: int, classes: int, microseconds: float, wrong_below: int, free_batch: bool
    ) -> None:
        image = TensorSpec("image", (None, *SHAPE), "uint8")
        scores = TensorSpec("probabilities", (None, classes), "float32")
        super().__init__("lookup", "tflite", Ends(image, scores, free_batch), Place("lookup 1.0"))
        self.misbehave, self.nanoseconds, self.wrong_below = misbehave, microseconds * 1000, wrong_below
        self.calls, self.good_calls = 0, good_calls

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls > self.good_calls:
            self._misbehave()
        until = time.perf_counter_ns() + self.nanoseconds
        while time.perf_counter_ns() < until:
            pass
        answers = batch[:, 0, 0, 0].astype(int)
        # The second pixel is uniform over 0..255: below the threshold the answer is the next class.
        answers = np.where(batch[:, 0, 1, 0] < self.wrong_below, (answers + 1) % self.num_classes, answers)
        certain = np.full((len(batch), self.num_classes), 0.1 / (self.num_classes - 1), np.float32)
        certain[np.arange(len(batch)), answers] = 0.9
        return certain * (np.nan if self.misbehave == "nan" else 1)

    def _misbehave(self) -> None:
        if self.misbehave == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.misbehave == "hang":
            time.sleep(1000)
        if self.misbehave == "exit":
            os._exit(3)

    def close(self) -> None:
        """Nothing to let go of."""


def open_lookup(
    misbehave: str = "",
    good_calls: int = 2,  # the two of opening the file
    classes: int = CLASSES,
    microseconds: float = 20,
    wrong_below: int = 0,
    free_batch: bool = True,
    once: str = "",
    source: str = "",
    num_threads: int = 1,
) -> LookupRunner:
    """``once`` names a file that the first opening makes; a second opening, which finds it, is refused.

    ``source`` is what a profiler would open.
    """
    if once:
        if Path(once).exists():
            raise ModelError("lookup: refused the second time")
        Path(once).touch()
    if misbehave == "refuse":
        raise ModelError("lookup: refused on purpose")
    return LookupRunner(
        misbehave,
        good_calls=good_calls,
        classes=classes,
        microseconds=microseconds,
        wrong_below=wrong_below,
        free_batch=free_batch,
    )
