"""What every set of labelled pictures is to the rest of the package, and a dataset: four of them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Indices = Sequence[int] | np.ndarray
# Levels by which the pixels of a blank picture may differ, in each channel.
BLANK_LEVELS = 8


class Split(Protocol):
    """Labelled pictures, of which only those asked for need to be in memory.

    All pixels are uint8 0..255 in the order (N, height, width, channels), channels 1 (grey) or 3 (RGB). What is given
    may be a view of what the split keeps: it is read, never written to.
    """

    def __len__(self) -> int: ...

    @property
    def labels(self) -> np.ndarray:
        """The class of every picture: int64 (N,)."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every picture."""

    @property
    def sha256(self) -> str:
        """SHA-256 over all pixels and then the labels (little-endian int64), as 64 hexadecimal digits."""

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pictures in their order, ``size`` at a time: pixels (n, H, W, C) and labels (n,), the last may be
        shorter."""

    def pixels(self, indices: Indices) -> np.ndarray:
        """The pictures at ``indices``, in that order: uint8 (n, H, W, C)."""

    def take(self, indices: Indices) -> "Split":
        """A split of the pictures at ``indices``, in that order."""

    def hashes(self) -> list[bytes]:
        """The SHA-256 of each picture's pixels."""

    def blank(self) -> np.ndarray:
        """Whether each picture is of one colour, see ``is_blank``: bool (N,)."""


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
    splits. ``drawn_test``: the test pictures were drawn from a person's own, who has set none aside.
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
    drawn_test: bool = False

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.test.image_shape


def pixels_of(split: Split, count: int | None = None) -> np.ndarray:
    """The first ``count`` pictures of ``split``, or all of them, at once: uint8 (n, H, W, C).

    For the few that calibration or a plot takes; whoever needs them all asks for ``batches``.
    """
    return split.pixels(range(len(split) if count is None else min(count, len(split))))


def picture_hash(pixels: np.ndarray) -> bytes:
    """The SHA-256 of one picture's uint8 (H, W, C)."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()


def is_blank(pixels: np.ndarray) -> bool:
    """Whether a picture, uint8 (H, W, C), is of one colour, but for what JPEG changes."""
    if np.ptp(pixels[::8, ::8], axis=(0, 1)).max() > BLANK_LEVELS:  # of nearly all pictures a few pixels say it
        return False
    return bool(np.ptp(pixels, axis=(0, 1)).max() <= BLANK_LEVELS)


def occurs_once(hashes: Sequence[bytes]) -> np.ndarray:
    """For each of ``hashes``, whether it is there only once: bool (N,)."""
    counts = Counter(hashes)
    return np.array([counts[digest] == 1 for digest in hashes], bool)
