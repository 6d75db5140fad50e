"""TrivialAugment: every operation at work, none beyond its range, the same for the same generator."""

import numpy as np
import pytest

from cnnedge.training import trivial as room
from cnnedge.training.trivial import LEVELS, OPERATIONS, trivial

FILL = 121


@pytest.fixture
def photos() -> np.ndarray:
    """600 images with a bright left upper quarter on dim noise: a shift, a turn and a colour show."""
    pixels = np.random.default_rng(0).integers(20, 90, (600, 32, 32, 3), dtype=np.uint8)
    pixels[:, :16, :16, 0] += 120
    return pixels


def test_all_operations_are_drawn_and_one_of_them_leaves_the_image(photos):
    found = trivial(photos, FILL, np.random.default_rng(1))
    assert found.shape == photos.shape and found.dtype == np.uint8
    rng = np.random.default_rng(1)
    chosen, strength = rng.integers(len(OPERATIONS), size=600), rng.integers(LEVELS, size=600)
    same = (found == photos).all(axis=(1, 2, 3))
    assert set(chosen) == set(range(14))
    assert same[chosen == 0].all()
    # A brightness, a shear or a turn of more than nothing changes something.
    assert not same[(strength > 3) & np.isin(chosen, (1, 2, 3, 4, 5, 6, 8))].any()
    assert np.array_equal(found, trivial(photos, FILL, np.random.default_rng(1)))


def applied(number, photo, strength, sign):
    from PIL import Image

    return np.asarray(OPERATIONS[number](Image.fromarray(photo), strength, sign, FILL)).astype(int)


def test_a_full_move_leaves_nothing_but_the_fill(photos):
    for number in (3, 4):
        for sign in (-1, 1):
            assert (applied(number, photos[0], 1.0, sign) == FILL).all()
    assert np.array_equal(applied(3, photos[0], 10 / 32, 1)[:, :22], photos[0][:, 10:])


def test_shear_keeps_the_middle_and_moves_the_ends_by_half_a_side(photos):
    moved = applied(1, photos[0], 1.0, 1)
    assert np.array_equal(moved[16], photos[0][16])  # the row through the centre, to half a pixel
    assert (moved[0, :15] == FILL).all() and (moved[31, 17:] == FILL).all()


def test_what_changes_colours_has_the_range_of_the_paper(photos):
    photo = photos[0].astype(int)
    assert applied(6, photos[0], 1.0, -1).max() <= np.ceil(0.01 * photo.max())
    np.testing.assert_allclose(applied(6, photos[0], 1.0, 1), np.minimum(255, 1.99 * photo), atol=1)
    grey = applied(7, photos[0], 1.0, -1)
    assert np.ptp(grey, axis=2).max() <= 0.01 * np.ptp(photo, axis=2).max() + 1
    assert set(np.unique(applied(10, photos[0], 1.0, 1))) <= {0, 64, 128, 192}  # two bits
    assert np.array_equal(applied(11, photos[0], 1.0, 1), 255 - photo)
    assert np.array_equal(applied(11, photos[0], 0.0, 1), photo)


def test_a_turn_is_about_the_centre(photos):
    assert np.array_equal(applied(5, photos[0], 90 / 135, 1), np.rot90(photos[0]).astype(int))


def test_grey_images(photos):
    grey = photos[..., :1]
    found = trivial(grey, FILL, np.random.default_rng(2))
    assert found.shape == grey.shape
    assert (found != grey).any(axis=(1, 2, 3)).mean() > 0.7


def test_the_source_is_left_as_it_was(photos):
    before = photos.copy()
    trivial(photos, FILL, np.random.default_rng(3))
    assert np.array_equal(before, photos) and room.LEVELS == 31
