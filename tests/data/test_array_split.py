"""Pictures in memory, asked as every split is asked."""

import hashlib

import numpy as np
import pytest

from cnnedge.data import ArraySplit, pixels_of


def grey(*values: int) -> ArraySplit:
    """One 2x2 grey image per value, filled with it; image ``i`` has the label ``i``."""
    images = np.array(values, np.uint8)[:, np.newaxis, np.newaxis, np.newaxis] * np.ones((1, 2, 2, 1), np.uint8)
    return ArraySplit(images, np.arange(len(values)))


def test_batches_give_everything_in_order_and_the_rest_last():
    found = [(images[:, 0, 0, 0].tolist(), labels.tolist()) for images, labels in grey(5, 6, 7, 8, 9).batches(2)]
    assert found == [([5, 6], [0, 1]), ([7, 8], [2, 3]), ([9], [4])]


def test_pixels_and_parts_come_in_the_order_asked_for():
    split = grey(5, 6, 7)
    assert split.pixels([2, 0])[:, 0, 0, 0].tolist() == [7, 5]
    assert split.pixels([]).shape == (0, 2, 2, 1)
    part = split.take(np.array([2, 0]))
    assert (len(part), part.image_shape, part.labels.tolist()) == (2, (2, 2, 1), [2, 0])
    assert part.sha256 != split.sha256


def test_first_pixels_are_at_most_all():
    assert pixels_of(grey(5, 6, 7), 2)[:, 0, 0, 0].tolist() == [5, 6]
    assert pixels_of(grey(5, 6, 7), 4).shape == pixels_of(grey(5, 6, 7)).shape == (3, 2, 2, 1)


def test_hashes_are_those_of_each_image_also_of_grey_given_as_colour():
    split = grey(5, 6)
    assert split.hashes() == [hashlib.sha256(bytes([value] * 4)).digest() for value in (5, 6)]
    colour = ArraySplit(np.broadcast_to(split.images, (2, 2, 2, 3)), split.labels)
    assert colour.hashes() == [hashlib.sha256(bytes([value] * 12)).digest() for value in (5, 6)]
    assert colour.sha256 == hashlib.sha256(bytes([5] * 12 + [6] * 12) + split.labels.tobytes()).hexdigest()


def test_split_hash_covers_images_and_labels():
    split = grey(1, 2)
    expected = hashlib.sha256(bytes([1] * 4 + [2] * 4) + (0).to_bytes(8, "little") + (1).to_bytes(8, "little"))
    assert split.sha256 == expected.hexdigest()
    assert split.sha256 != ArraySplit(pixels_of(split), split.labels[::-1].copy()).sha256


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 4), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2, np.uint8)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64)),
    ],
    ids=["float-images", "no-channel", "four-channels", "uint8-labels", "label-count"],
)
def test_split_of_another_form_is_refused(images, labels):
    with pytest.raises(ValueError, match="expected"):
        ArraySplit(images, labels)
