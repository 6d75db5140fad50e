"""Augmentation against slow, independent answers."""

import numpy as np
import pytest
from scipy import ndimage

from cnnedge.data import ArraySplit
from cnnedge.training import augment as room
from cnnedge.training.augment import augment, cutout, erase, shift, warp
from cnnedge.training.batches import AugmentedBatches
from cnnedge.training.recipes import RECIPES, Augmentation

NOTHING = Augmentation()
NOBODY = np.zeros(40, bool)


@pytest.fixture
def photos() -> np.ndarray:
    """40 images of noise with three different channels, so that a mixed-up axis shows."""
    return np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)


def test_shift_is_a_crop_of_the_mirrored_border(photos):
    moved = shift(photos, 3, np.random.default_rng(1))
    down, right = np.random.default_rng(1).integers(0, 7, size=(2, len(photos)))
    for image, result, top, left in zip(photos, moved, down, right, strict=True):
        padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        assert np.array_equal(result, padded[top : top + 12, left : left + 10])
    assert len(set(zip(down, right, strict=True))) > 10  # images move each their own way


def test_flip_mirrors_the_chosen_images(photos):
    mirrored = np.arange(40) % 3 == 0
    result = augment(photos, Augmentation(flip=True), mirrored, np.random.default_rng(0))
    assert np.array_equal(result[mirrored], photos[mirrored][:, :, ::-1])
    assert np.array_equal(result[~mirrored], photos[~mirrored])


def test_cutout_paints_one_square(photos):
    result = cutout(photos, 4, 7, np.random.default_rng(2))
    for image, painted in zip(photos, result, strict=True):
        changed = (image != painted).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        box = painted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (box == 7).all()
        # The centre is in the image, so a corner leaves at least 2 x 2 of the 4 x 4 square.
        assert 2 <= box.shape[0] <= 4
        assert 2 <= box.shape[1] <= 4


def test_erase_paints_one_rectangle_of_noise_into_a_share_of_the_images():
    plain = np.zeros((4_000, 32, 32, 3), np.uint8)
    changed = (erase(plain, 0.25, np.random.default_rng(2)) != 0).any(axis=3)
    painted = changed.any(axis=(1, 2))
    assert abs(painted.mean() - 0.25) < 3 * np.sqrt(0.25 * 0.75 / 4_000)
    rows = changed[painted].any(axis=2).sum(axis=1)
    columns = changed[painted].any(axis=1).sum(axis=1)
    area = rows * columns / 32**2
    # 16 million colours: the black ones of the noise are not seen. Rounding a side changes an area by half a pixel a
    # side, a thirtieth at most of the sides that 2 % have.
    assert area.min() > 0.01 and area.max() < 0.36
    assert abs(area.mean() - 0.175) < 0.01
    assert ((rows / columns > 0.2) & (rows / columns < 5)).all()
    assert not (erase(plain, 0.0, np.random.default_rng(2)) != 0).any()


@pytest.mark.parametrize("count", [1, room.WARP_BLOCK, room.WARP_BLOCK + 8], ids=["one", "a block", "a block and more"])
def test_warp_against_scipy(photos, count):
    """The same affine map, sampled by scipy's bilinear interpolation one image and channel at a time."""
    photos = photos[:count]
    augmentation = Augmentation(shift=2, rotate=30, zoom=0.2, fill=9)
    result = warp(photos, augmentation, np.random.default_rng(3))
    angle, zoom, down, right = np.random.default_rng(3).uniform(-1, 1, (4, count)) * [[np.pi / 6], [0.2], [2], [2]]
    centre = np.array([5.5, 4.5])
    for index in range(count):
        cosine, sine = np.cos(angle[index]) / (1 + zoom[index]), np.sin(angle[index]) / (1 + zoom[index])
        matrix = np.array([[cosine, -sine], [sine, cosine]])
        offset = centre - matrix @ centre + [down[index], right[index]]
        for channel in range(3):
            # A frame of one fill pixel, so that scipy too fades into the fill at the edge.
            framed = np.pad(photos[index, :, :, channel].astype(float), 1, constant_values=9)
            expected = ndimage.affine_transform(
                framed,
                matrix,
                offset + 1,
                output_shape=(12, 10),
                order=1,
                mode="constant",
                cval=9,
            )
            difference = np.abs(result[index, :, :, channel] - expected)
            # Half a grey level for rounding to uint8. Positions are float32 below 16, wrong by at most 2^-20 after a
            # few operations; times a slope of at most 255 a pixel in each direction: 5e-4.
            assert difference.max() <= 0.5 + 1e-3


def test_warp_without_change_is_the_identity(photos):
    class Middle:
        def uniform(self, low, high, shape):
            return np.zeros(shape)

    assert np.array_equal(warp(photos, Augmentation(rotate=10, zoom=0.1, shift=2), Middle()), photos)


@pytest.mark.parametrize("key", RECIPES, ids=" ".join)
def test_every_recipe_keeps_type_shape_and_input(key, photos):
    before = photos.copy()
    result = augment(photos, RECIPES[key].augmentation, ~NOBODY, np.random.default_rng(0))
    assert (result.dtype, result.shape) == (np.uint8, photos.shape)
    assert not np.array_equal(result, photos)
    assert np.array_equal(photos, before)


def test_no_augmentation_changes_nothing(photos):
    assert np.array_equal(augment(photos, NOTHING, ~NOBODY, np.random.default_rng(0)), photos)


def batches(images: np.ndarray, augmentation: Augmentation = NOTHING, **options) -> AugmentedBatches:
    labels = np.arange(len(images)) % 10
    return AugmentedBatches(
        ArraySplit(images, labels), num_classes=10, batch_size=8, augmentation=augmentation, **{"seed": 5, **options}
    )


def numbered(count: int) -> np.ndarray:
    """Images that say which one they are in every pixel."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 1))


def test_an_epoch_shows_each_image_once_and_drops_the_rest():
    data = batches(numbered(43))
    assert data.steps == 5
    shown = []
    for step in range(5):
        images, labels = data[step]
        assert (images.dtype, labels.dtype) == (np.float32, np.float32)
        assert (images.shape, labels.shape) == ((8, 4, 4, 1), (8, 10))
        assert np.array_equal(labels.argmax(axis=1), images[:, 0, 0, 0] % 10)
        assert (labels.sum(axis=1) == 1).all()
        shown += images[:, 0, 0, 0].tolist()
    assert len(set(shown)) == 40


def test_epochs_differ_in_order_and_in_what_they_drop():
    data = batches(numbered(43))
    epochs = [np.concatenate([data[5 * epoch + step][0][:, 0, 0, 0] for step in range(5)]) for epoch in range(3)]
    assert not np.array_equal(epochs[0], epochs[1])
    assert {*epochs[0]} != {*epochs[1]} or {*epochs[1]} != {*epochs[2]}


def test_a_batch_depends_on_its_number_alone(photos):
    """Made in any order, and from a later first epoch, batch 3 of epoch 2 is the same; another seed gives another."""
    augmentation = Augmentation(shift=2, flip=True, cutout=3)
    whole, resumed = batches(photos, augmentation), batches(photos, augmentation, first_epoch=2)
    for index in (0, 9, 2):
        whole[index]
    assert np.array_equal(whole[5 * 2 + 3][0], resumed[3][0])
    assert not np.array_equal(whole[13][0], batches(photos, augmentation, seed=6)[13][0])


def test_flips_alternate(photos):
    """Over two epochs every image is seen both ways."""
    data = batches(photos, Augmentation(flip=True))
    seen = {image.tobytes() for index in range(10) for image in data[index][0].astype(np.uint8)}
    assert seen == {view.tobytes() for image in photos for view in (image, image[:, ::-1])}
