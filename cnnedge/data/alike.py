"""Pictures that look the same though their pixels differ: a photo that was saved anew, or the next one of a row."""

import numpy as np

# A thumbnail has so many cells a side, and no cell of two that look the same differs by more levels. Of 3,000 test
# pictures of CIFAR-10 and of MNIST none looks like one of the training pictures by this, and of 500 of each that were
# saved anew as JPEG of quality 75 nearly all (99 %) look like themselves.
CELLS = 8
_BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, as JPEG takes it
LEVELS = 8
# Saving a picture anew leaves its mean where it was.
_MEAN_LEVELS = 2
# Cells of a picture in which there is something to see differ by more than this.
_STRUCTURE = 4 * LEVELS
# More than these take minutes; those that are compared are evenly spaced.
MOST = 20_000


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The mean brightness of the cells of one picture, uint8 (H, W, C), and the mean of each channel: uint8
    (CELLS * CELLS + C,). A smaller picture has its pixels, and zeros."""
    cells = np.zeros((CELLS, CELLS), np.uint8)
    edges = [np.linspace(0, side, min(CELLS, side) + 1).astype(int) for side in pixels.shape[:2]]
    sums = pixels
    for axis in (0, 1):
        sums = np.add.reduceat(sums, edges[axis][:-1], axis, dtype=np.int32)
    means = sums / np.outer(*map(np.diff, edges))[..., None]
    # JPEG keeps brightness finely, and colours coarsely.
    cells[: len(means), : means.shape[1]] = (means @ _BRIGHTNESS if means.shape[2] == 3 else means[..., 0]).round()
    whole = sums.sum(axis=(0, 1)) / (pixels.shape[0] * pixels.shape[1])
    return np.concatenate([cells.ravel(), whole.round().astype(np.uint8)])


def count_alike(some: np.ndarray, others: np.ndarray) -> tuple[int, int]:
    """How many of ``some`` look like one of ``others``, and how many were compared; both are thumbnails, uint8 (n, K).

    Pictures of nearly one level look like each other and say nothing: they are not compared.
    """
    some = some[np.unique(np.linspace(0, len(some) - 1, min(len(some), MOST)).astype(int))] if len(some) else some
    some = some[np.ptp(some, axis=1) > _STRUCTURE].astype(np.int16)
    others = others.astype(np.int16)
    means = others.mean(axis=1)
    order = np.argsort(means)
    others, means = others[order], means[order]
    found = 0
    for one in some:
        first, last = np.searchsorted(means, (one.mean() - _MEAN_LEVELS, one.mean() + _MEAN_LEVELS))
        found += bool((np.abs(others[first:last] - one).max(axis=1, initial=0) <= LEVELS).any())
    return found, len(some)
