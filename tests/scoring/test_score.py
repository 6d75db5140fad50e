"""The one count of right answers: on a network that always says class 3, and on answers written down."""

import numpy as np
import pytest

from cnnedge.data import ArraySplit, Split
from cnnedge.scoring.score import Score, answers_of, score


class AlwaysThree:
    """Says class 3 of 10 whatever it sees, and remembers how many images it saw at a time."""

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.blocks.append(len(images))
        return np.tile(np.eye(10, dtype=np.float32)[3], (len(images), 1))


@pytest.fixture
def split() -> Split:
    return ArraySplit(np.zeros((4, 28, 28, 1), np.uint8), np.array([3, 3, 0, 9], np.int64))


def test_right_answers_are_counted_block_by_block(split):
    predictor, calls = AlwaysThree(), []
    found = score(predictor, split, stage="evaluate it", progress=lambda *call: calls.append(call), block=3)
    assert (found.right, found.images, found.top1) == (2, 4, 0.5)
    assert found.hits.tolist() == [True, True, False, False]
    assert predictor.blocks == [3, 1]
    assert calls == [("evaluate it", 3, 4), ("evaluate it", 4, 4)]


def test_interval_is_wilsons(split):
    # For 2 of 4: 1/2 +- z sqrt(n/4 + z^2/4) / (n + z^2), z = 1.96, n = 4: 0.15 to 0.85.
    assert score(AlwaysThree(), split).interval == pytest.approx((0.15, 0.85), abs=5e-3)


def test_the_first_of_equal_classes_is_the_answer():
    assert answers_of(np.array([[0.2, 0.4, 0.4], [0.5, 0.5, 0]])).tolist() == [1, 0]


def test_without_images_there_is_no_score(split):
    with pytest.raises(ValueError, match="expected equally many, at least one"):
        score(AlwaysThree(), split.take(np.arange(0)))
    with pytest.raises(ValueError, match="expected equally many, at least one"):
        Score(np.zeros(3, np.int64), split.labels)
