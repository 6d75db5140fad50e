"""The splits of a dataset, and how validation and calibration images are held out of the training images."""

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnedge.errors import DataError

# The most that validation and calibration may each take of the training images.
MAX_HELD_OUT = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Split:
    """``images`` uint8 (N, H, W, C), pixels 0..255, C = 1 (grey) or 3 (RGB); ``labels`` int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ValueError(f"images are {images.dtype} {images.shape}, expected uint8 (N, H, W, 1 or 3)")
        if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            raise ValueError(f"labels are {labels.dtype} {labels.shape}, expected int64 {images.shape[:1]}")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the images' bytes and then the labels' (little-endian int64), as hexadecimal
        digits."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()

    def take(self, indices: np.ndarray) -> "Split":
        """A copy of the images at ``indices``, in that order."""
        return Split(self.images[indices], self.labels[indices])


def evenly_spaced(split: Split, limit: int | None) -> Split:
    """``limit`` images of ``split``, or all where it is None or larger.

    Evenly spaced, since MNIST's second half is harder than its first, and folders go by class.
    """
    if limit is None or limit >= len(split):
        return split
    return split.take(np.linspace(0, len(split) - 1, limit).round().astype(np.int64))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset in four splits; ``labels[i]`` names class ``i``.

    ``source`` is "cache", "canonical address", "npm mirror", "bundled sample" or "folder". ``is_sample`` is
    true for the bundled sample alone: figures measured on it are not the dataset's. ``seed`` chose the
    splits.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    validation: Split
    calibration: Split
    test: Split
    source: str
    is_sample: bool
    licence: str
    seed: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.test.images.shape[1:]
        return height, width, channels


def content_hashes(images: np.ndarray) -> list[bytes]:
    """The SHA-256 of the pixels of every image of ``images`` (N, H, W, C)."""
    return [hashlib.sha256(image.data).digest() for image in np.ascontiguousarray(images)]


def occurs_once(hashes: list[bytes]) -> np.ndarray:
    """For each of ``hashes``, whether it is there only once: bool (N,)."""
    counts = Counter(hashes)
    return np.array([counts[digest] == 1 for digest in hashes], bool)


def hold_out(
    training: Split, test: Split, *, seed: int, validation: int, calibration: int
) -> tuple[Split, Split, Split]:
    """Part the training images into train, validation and calibration, chosen by ``seed``.

    An image whose pixels occur in ``test`` or more than once in ``training`` stays in train: a model would be
    validated on what it was trained on, or calibrated on what it is tested on. Validation and calibration
    each take at most a fifth of the training images; a warning says so when that is less than asked for.

    Raises:
        DataError: too few of the training images are different from all the others.
    """
    if min(validation, calibration) < 0:
        raise ValueError(f"validation={validation} and calibration={calibration}, expected at least 0 each")
    most = int(len(training) * MAX_HELD_OUT)
    granted = min(validation, most), min(calibration, most)
    if granted != (validation, calibration):
        _log.warning(
            "only %d training images: validation and calibration get %d and %d of them, not %d and %d",
            *(len(training), *granted, validation, calibration),
        )
    validation, calibration = granted
    candidates = _found_nowhere_else(training, test)
    wanted = validation + calibration
    if len(candidates) < wanted:
        raise DataError(
            f"only {len(candidates):,} of {len(training):,} training images differ from all others, expected "
            f"at least {wanted:,} for validation and calibration: remove duplicates or hold out fewer"
        )
    chosen = np.random.default_rng(seed).permutation(candidates)[:wanted]
    rest = np.setdiff1d(np.arange(len(training)), chosen)
    return training.take(rest), training.take(chosen[:validation]), training.take(chosen[validation:])


def _found_nowhere_else(training: Split, test: Split) -> np.ndarray:
    """Indices of the training images whose pixels occur once in ``training`` and never in ``test``."""
    hashes = content_hashes(training.images)
    in_test = set(content_hashes(test.images))
    absent_from_test = np.array([digest not in in_test for digest in hashes], bool)
    return np.flatnonzero(occurs_once(hashes) & absent_from_test)
