"""Images of two, against what each pixel must be."""

import numpy as np
import pytest

from cnnedge.data import ArraySplit
from cnnedge.training.batches import AugmentedBatches
from cnnedge.training.mixing import mix
from cnnedge.training.recipes import Augmentation

COUNT = 2_000


@pytest.fixture
def batch():
    """Images that are all 0 or all 200, alternating, with their classes."""
    classes = np.arange(COUNT) % 2
    images = np.broadcast_to((200.0 * classes)[:, None, None, None], (COUNT, 12, 10, 3)).astype(np.float32)
    return images, np.eye(2, dtype=np.float32)[classes]


def own_share(batch, augmentation):
    """How much of each image is its own, by its pixels and by its label."""
    images, labels = mix(*batch, augmentation, np.random.default_rng(0))
    assert images.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    distance = np.abs(images - np.roll(batch[0], 1, axis=0)) / 200
    return distance, (labels * batch[1]).sum(axis=1)


def test_nothing_is_mixed_where_neither_is_on(batch):
    images, labels = mix(*batch, Augmentation(), np.random.default_rng(0))
    assert images is batch[0] and labels is batch[1]


def test_mixup_blends_whole_images_in_the_proportion_of_the_labels(batch):
    pixels, label = own_share(batch, Augmentation(mixup=0.2))
    np.testing.assert_allclose(pixels, np.broadcast_to(label[:, None, None, None], pixels.shape), atol=1e-6)
    # Beta(0.2, 0.2): mean 1/2, variance 1 / (4 (2 alpha + 1)) = 0.179; three standard errors of either.
    assert abs(label.mean() - 0.5) < 3 * np.sqrt(0.179 / COUNT)
    assert abs(label.var() - 0.179) < 0.01


def test_cutmix_puts_one_box_of_the_other_in_and_counts_its_pixels(batch):
    pixels, label = own_share(batch, Augmentation(cutmix=1.0))
    assert set(np.unique(pixels)) == {0.0, 1.0}
    np.testing.assert_allclose(pixels.mean(axis=(1, 2, 3)), label, atol=1e-6)
    for image in pixels[:200, :, :, 0]:
        rows, columns = np.flatnonzero((image == 0).any(axis=1)), np.flatnonzero((image == 0).any(axis=0))
        if len(rows):
            assert (image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
    # Half would be the other's, but for what sticks out: a box about a random pixel loses up to half of each side.
    assert 0.55 < label.mean() < 0.75


def test_both_take_half_of_the_images_each(batch):
    pixels, label = own_share(batch, Augmentation(mixup=1.0, cutmix=1.0))
    blended = np.ptp(pixels.reshape(COUNT, -1), axis=1) < 1e-6
    cut = blended & ((label > 1 - 1e-6) | (label < 1e-6))  # a box of nothing, or of all
    assert abs((blended & ~cut).mean() - 0.5) < 3 * np.sqrt(0.25 / COUNT) + cut.mean()


def test_a_batch_is_made_again_whatever_came_before():
    split = ArraySplit(np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8), np.arange(64) % 4)
    augmentation = Augmentation(shift=1, flip=True, trivial=True, erase=0.5, mixup=0.2, cutmix=1.0, fill=9)

    def batches():
        return AugmentedBatches(split, num_classes=4, batch_size=16, augmentation=augmentation, seed=5)

    row = batches()
    expected = [row.batch(1, step) for step in range(4)]
    for step in (3, 0, 2):
        for found, wanted in zip(batches().batch(1, step), expected[step], strict=True):
            assert np.array_equal(found, wanted)
