"""Labelled pictures that are in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnedge.data.splits import Indices, is_blank, picture_hash

# Pictures hashed at once: a grey picture that is given as RGB is written out for it.
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class ArraySplit:
    """A ``Split`` of ``images`` uint8 (N, H, W, C), pixels 0..255, C = 1 (grey) or 3 (RGB), and ``labels`` int64
    (N,)."""

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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for images, _ in self.batches(_BLOCK):
            digest.update(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(self), size):
            yield self.images[start : start + size], self.labels[start : start + size]

    def pixels(self, indices: Indices) -> np.ndarray:
        return self.images[np.asarray(indices, np.int64)]

    def take(self, indices: Indices) -> "ArraySplit":
        chosen = np.asarray(indices, np.int64)
        return ArraySplit(self.images[chosen], self.labels[chosen])

    def hashes(self) -> list[bytes]:
        return [picture_hash(image) for image in self.images]

    def blank(self) -> np.ndarray:
        return np.array([is_blank(image) for image in self.images], bool)
