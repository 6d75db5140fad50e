"""Right and wrong answers: the one place that counts them. Every accuracy in a passport, a gate, a search and a table
comes from here."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from cnnedge.data import Split
from cnnedge.progress import Progress, silent
from cnnedge.scoring.accuracy import wilson_interval

# Images decoded and classified between two reports of progress: float32 CIFAR-10 images are 6 MB then.
BLOCK = 500
# And at most so many bytes of pixels, in each of three blocks, as two more are decoded ahead: 66 pictures of 224 x 224
# in colour.
BLOCK_BYTES = 10_000_000


class Predictor(Protocol):
    """Whatever classifies: a ``Runner``, or a Keras model in ``KerasPredictor``."""

    def predict(self, images: np.ndarray, /) -> np.ndarray:
        """uint8 images ``(n, H, W, C)``, pixels 0..255, to one value per class, float32 ``(n, classes)``."""
        ...


@dataclass(frozen=True, eq=False)
class Score:
    """What was answered on labelled images: ``answers`` and ``labels`` are classes, int64 ``(N,)``."""

    answers: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.labels) or self.answers.shape != self.labels.shape:
            raise ValueError(
                f"{self.answers.shape} answers for {self.labels.shape} labels, expected equally many, at least one"
            )

    @cached_property
    def hits(self) -> np.ndarray:
        """Whether each answer is right, bool ``(N,)``."""
        return self.answers == self.labels

    @cached_property
    def right(self) -> int:
        return int(self.hits.sum())

    @property
    def images(self) -> int:
        return len(self.labels)

    @property
    def top1(self) -> float:
        """The fraction 0..1 of the images whose most probable class is the right one."""
        return self.right / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of ``top1``."""
        return wilson_interval(self.right, self.images)


def score(
    predictor: Predictor, split: Split, *, stage: str = "evaluate", progress: Progress = silent, block: int = BLOCK
) -> Score:
    """Classify every image of ``split``, ``block`` of them at a time.

    Raises:
        ValueError: there are no images.
    """
    block = max(1, min(block, BLOCK_BYTES // int(np.prod(split.image_shape))))
    found: list[np.ndarray] = []
    for images, _ in split.batches(block):
        found.append(answers_of(predictor.predict(images)))
        progress(stage, min(len(found) * block, len(split)), len(split))
    return Score(np.concatenate(found) if found else np.empty(0, np.int64), split.labels)


def answers_of(values: np.ndarray) -> np.ndarray:
    """The most probable class of each row of ``(N, classes)``, int64 ``(N,)``; the first of equal ones."""
    return values.argmax(axis=1)
