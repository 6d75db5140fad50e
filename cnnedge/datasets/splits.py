"""Splits of a dataset, and how validation and calibration images are held out of the training images."""

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_log = logging.getLogger(__name__)
# The most that validation or calibration may take of the training images each.
MAX_HELD_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Split:
    """``images`` uint8 (N, H, W, C), pixels 0..255, C = 1 (grey) or 3 (RGB); ``labels`` int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images are {self.images.dtype} {self.images.shape}, expected uint8 (N, H, W, C)"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels are {self.labels.dtype} {self.labels.shape}, expected int64 {self.images.shape[:1]}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the images' bytes followed by the labels' (little-endian int64), as hexadecimal digits."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images))
        digest.update(np.ascontiguousarray(self.labels, "<i8"))
        return digest.hexdigest()

    def take(self, indices: np.ndarray) -> "Split":
        """The images at ``indices``, in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Four disjoint splits. ``labels[i]`` names class ``i``.

    ``source`` is "cache", "canonical address", "npm mirror", "bundled sample" or "folder". ``is_sample`` is true
    for the bundled sample: figures measured on it are not the dataset's.
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
    """The SHA-256 of every image's pixels."""
    return [hashlib.sha256(image).digest() for image in np.ascontiguousarray(images)]


def hold_out(
    training: Split, test: Split, *, seed: int, validation: int, calibration: int
) -> tuple[Split, Split, Split]:
    """Part the training images into train, validation and calibration; the same ``seed`` gives the same parts.

    An image whose pixels occur in ``test``, or more than once in ``training``, stays in train: MNIST and CIFAR-10
    both hold such images, and one in validation or calibration would be known from elsewhere. Train and test may
    share images where the published splits do. Neither part takes more than a fifth of the training images; a
    warning says so when that is less than asked for.
    """
    most = int(len(training) * MAX_HELD_OUT)
    if max(validation, calibration) > most:
        _log.warning(
            "only %d training images: validation and calibration get at most %d each (asked for: %d and %d)",
            len(training),
            most,
            validation,
            calibration,
        )
    validation, calibration = min(validation, most), min(calibration, most)
    candidates = np.random.default_rng(seed).permutation(_found_nowhere_else(training, test))
    chosen = candidates[: validation + calibration]
    rest = np.setdiff1d(np.arange(len(training)), chosen)
    return training.take(rest), training.take(chosen[:validation]), training.take(chosen[validation:])


def _found_nowhere_else(training: Split, test: Split) -> np.ndarray:
    """Indices of the training images whose pixels occur once in training and never in test."""
    hashes = content_hashes(training.images)
    counts: dict[bytes, int] = {}
    for digest in hashes:
        counts[digest] = counts.get(digest, 0) + 1
    in_test = set(content_hashes(test.images))
    return np.array(
        [i for i, digest in enumerate(hashes) if counts[digest] == 1 and digest not in in_test], int
    )
