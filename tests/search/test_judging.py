import contextlib

import numpy as np
import pytest

from cnnedge.data import ArraySplit
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import score
from cnnedge.search import judging
from tests.support.digits import digits
from tests.support.models import digits_tflite


class Answering:
    """A classifier that knows every answer of ``split`` but those it is made to get wrong."""

    def __init__(self, split: ArraySplit, wrong: range = range(0)) -> None:
        self.answers = {image.tobytes(): label for image, label in zip(split.images, split.labels, strict=True)}
        self.answers |= {split.images[index].tobytes(): (split.labels[index] + 1) % 10 for index in wrong}

    def predict(self, images: np.ndarray) -> np.ndarray:
        return np.eye(10)[[self.answers[image.tobytes()] for image in images]]


@pytest.fixture(scope="module")
def split():
    return ArraySplit(*(part[:500] for part in digits("train")))


@pytest.fixture(scope="module")
def perfect(split):
    return Answering(split)


@pytest.fixture(scope="module")
def content():
    return digits_tflite("int8")


def test_figures_are_those_of_the_whole_split(split, perfect, content):
    judge = judging.Judge.of(perfect, split, 100.0)
    found, stopped = judge.look_at(content, "tflite", stage="try")
    with open_runner(content, format="tflite") as runner:
        expected = score(runner, split)
    assert (found.images, found.right, stopped) == (500, expected.right, False)
    assert (found.lost, found.gained) == (500 - expected.right, 0)


def test_a_hopeless_file_is_given_up_at_the_first_look(split, perfect, content):
    found, stopped = judging.Judge.of(perfect, split, 0.5).look_at(content, "tflite", stage="try")
    # The file is far from perfect: a fraction of the first 250 is enough.
    assert stopped and found.images == judging.BLOCK and found.verdict == "over"


def test_a_file_that_all_images_would_hardly_decide_is_given_up_and_can_be_seen_to_the_end(split, monkeypatch):
    """Each of both is wrong on a tenth of the images, of which 500 tell a point only where hardly any differ."""
    float_model, file = Answering(split, range(0, 500, 10)), Answering(split, range(5, 500, 10))
    monkeypatch.setattr(judging, "open_runner", lambda *_, **__: contextlib.nullcontext(file))
    judge = judging.Judge.of(float_model, split, 1.0)
    found, stopped = judge.look_at(b"", "tflite", stage="try")
    assert stopped and found.images == judging.BLOCK and found.verdict == "unclear"
    whole, stopped = judge.look_at(b"", "tflite", stage="try", seen=found)
    assert not stopped and (whole.images, whole.right, whole.lost, whole.gained) == (500, 450, 50, 50)
    # Where no file could be shown to stay within, all images are seen: what they show is all there is.
    few, stopped = judging.Judge.of(float_model, split, 0.5).look_at(b"", "tflite", stage="try")
    assert not stopped and few == whole


def test_the_order_mixes_the_classes():
    """Folders go by class: the first 250 of 500 would be half of the classes."""
    images, labels = digits("train")
    order = np.argsort(labels[:500], kind="stable")
    shuffled = judging.shuffled(ArraySplit(images[:500][order], labels[:500][order]))
    assert np.bincount(shuffled.labels[:250], minlength=10).min() > 10
