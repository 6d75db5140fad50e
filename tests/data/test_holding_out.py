"""The splits of the real datasets, by hashes that are computed here."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from cnnedge import data as datasets
from cnnedge.data import ArraySplit, Split, pixels_of
from cnnedge.data.holding_out import hold_out
from cnnedge.errors import DataError

PARTS = ("train", "validation", "calibration")


def hashes(split: Split) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest() for image in pixels_of(split)}


def labelled_hashes(images: np.ndarray, labels: np.ndarray) -> list[tuple[str, int]]:
    digests = (hashlib.sha256(image.tobytes()).hexdigest() for image in images)
    return list(zip(digests, labels.tolist(), strict=True))


@pytest.fixture(params=["mnist", "cifar10"])
def full(request):
    return request.getfixturevalue(request.param)


def test_validation_and_calibration_share_no_image_with_any_other_split(full):
    found = {part: hashes(getattr(full, part)) for part in (*PARTS, "test")}
    # Every image of the two is different from all others, and none is in another split.
    assert len(found["validation"]) == len(full.validation) == 2000
    assert len(found["calibration"]) == len(full.calibration) == 500
    for part in ("validation", "calibration"):
        others = set().union(*(found[other] for other in found if other != part))
        assert not found[part] & others


def test_parts_are_the_published_training_images_each_once(full, request):
    published = request.getfixturevalue(f"{full.name}_arrays")
    found = Counter()
    for part in PARTS:
        found.update(labelled_hashes(pixels_of(getattr(full, part)), getattr(full, part).labels))
    assert found == Counter(labelled_hashes(published["x_train"], published["y_train"]))


def test_test_split_is_the_published_one_in_its_order(full, request):
    published = request.getfixturevalue(f"{full.name}_arrays")
    assert np.array_equal(pixels_of(full.test), published["x_test"])
    assert np.array_equal(full.test.labels, published["y_test"])


def test_same_seed_gives_the_same_parts_and_another_seed_others(mnist):
    again, other = datasets.load("mnist"), datasets.load("mnist", seed=1)
    for part in PARTS:
        assert getattr(again, part).sha256 == getattr(mnist, part).sha256
        assert getattr(other, part).sha256 != getattr(mnist, part).sha256
    assert again.seed == 0
    assert other.seed == 1


def grey(*values: int) -> Split:
    """One 2x2 grey image per value, filled with it; image ``i`` has the label ``i``."""
    images = np.array(values, np.uint8)[:, np.newaxis, np.newaxis, np.newaxis] * np.ones((1, 2, 2, 1), np.uint8)
    return ArraySplit(images, np.arange(len(values)))


def test_duplicates_and_test_images_stay_in_train():
    training, test = grey(1, 1, 2, 3, 4, 5, 6, 7, 8, 9), grey(2, 3, 4, 5, 6, 7)
    # Only 8 and 9 (labels 8 and 9) occur once and not in test; a fifth of ten images is two.
    for seed in range(5):
        train, validation, calibration = hold_out(training, [test], seed=seed, validation=1, calibration=1)
        assert {*validation.labels, *calibration.labels} == {8, 9}
        assert train.labels.tolist() == list(range(8))


def test_too_few_different_images_is_an_error():
    training = grey(1, 1, 1, 1, 1, 1, 1, 1, 2, 3)
    with pytest.raises(DataError, match="only 2 of 10 training images differ from all others"):
        hold_out(training, [grey(9)], seed=0, validation=2, calibration=2)


def test_neither_part_takes_more_than_a_fifth_and_that_is_said(caplog):
    parts = hold_out(grey(*range(20)), [grey(99)], seed=0, validation=2000, calibration=3)
    assert [len(part) for part in parts] == [13, 4, 3]
    assert caplog.messages == ["only 20 training images: validation gets 4 of them, not 2000"]


def test_nothing_is_said_when_the_parts_are_as_asked_for(caplog):
    parts = hold_out(grey(*range(20)), [grey(99)], seed=0, validation=4, calibration=0)
    assert [len(part) for part in parts] == [16, 4, 0]
    assert caplog.messages == []


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="validation=-1"):
        hold_out(grey(1), [grey(2)], seed=0, validation=-1, calibration=0)
