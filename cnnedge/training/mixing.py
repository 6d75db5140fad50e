"""Images made of two, with labels in the same proportion: MixUp and CutMix.

Keras's layers of these names do the same to tensors; these work on the arrays from which a batch is made, whatever the
backend, and from a generator that makes the batch again (``scripts/augmentation_speed.py`` measures both).
"""

import numpy as np

from cnnedge.training.recipes import Augmentation


def mix(
    images: np.ndarray, one_hot: np.ndarray, augmentation: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each image with the one before it in the batch, by MixUp or CutMix, whichever is on; by either if both are.

    Args:
        images: float32 ``(N, H, W, C)``, 0..255, in an order that is random. one_hot: float32 ``(N, classes)``.

    Returns:
        Both of new images, of the same shapes; the labels of one image still sum to 1.
    """
    if not (augmentation.mixup or augmentation.cutmix):
        return images, one_hot
    count = len(images)
    cut = rng.random(count) < 0.5 if augmentation.mixup and augmentation.cutmix else bool(augmentation.cutmix)
    own = np.empty((count, *images.shape[1:3], 1), np.float32)  # how much of each pixel is the image's own
    cut = np.broadcast_to(cut, count)
    own[cut] = _outside_a_box(int(cut.sum()), images.shape[1:3], augmentation.cutmix, rng)
    own[~cut] = _share(int((~cut).sum()), augmentation.mixup, rng)[:, None, None, None]
    other, other_one_hot = np.roll(images, 1, axis=0), np.roll(one_hot, 1, axis=0)
    share = own.mean(axis=(1, 2))
    return other + own * (images - other), other_one_hot + share * (one_hot - other_one_hot)


def _share(count: int, alpha: float, rng: np.random.Generator) -> np.ndarray:
    """float32 ``(count,)`` from Beta(alpha, alpha) (Zhang et al., arXiv 1710.09412)."""
    return rng.beta(alpha, alpha, count).astype(np.float32) if count else np.empty(0, np.float32)


def _outside_a_box(count: int, size: tuple[int, ...], alpha: float, rng: np.random.Generator) -> np.ndarray:
    """float32 ``(count, H, W, 1)``: 0 in a box about a random pixel, 1 around it (Yun et al., arXiv 1905.04899).

    The box has the sides of the image times the root of what Beta(alpha, alpha) leaves; what sticks out is cut off.
    """
    side = np.sqrt(1 - _share(count, alpha, rng))
    inside = []
    for length in size:
        half, centre = side * length / 2, rng.integers(0, length, count)
        position = np.arange(length)
        first, after = np.round(centre - half), np.round(centre + half)
        inside.append((position >= first[:, None]) & (position < after[:, None]))
    return 1 - (inside[0][:, :, None] & inside[1][:, None, :]).astype(np.float32)[..., None]
