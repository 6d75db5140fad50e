"""What a published dataset is: its shapes, its labels, and the hashes that its content must have."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnedge.data.published.parse import ARRAY_NAMES, Arrays
from cnnedge.data.published.sources import Source
from cnnedge.errors import DataError


@dataclass(frozen=True)
class DatasetSpec:
    """A published dataset: images (N, H, W, C) uint8 0..255 and labels (N,) uint8.

    ``image_shape`` is (H, W, C); ``train_images`` and ``test_images`` are the two N. ``sha256`` holds one
    SHA-256 for each of ``x_train``, ``y_train``, ``x_test`` and ``y_test``, taken over the array's bytes in
    C order, and so the same whatever file format the array came in. ``sources`` are tried in order.
    ``sample`` is an ``.npz`` file with the same four names, used loudly when no source can be reached; None
    where there is none.
    """

    name: str
    labels: tuple[str, ...]
    licence: str
    image_shape: tuple[int, int, int]
    train_images: int
    test_images: int
    sha256: dict[str, str]
    sources: tuple[Source, ...]
    sample: Path | None = None

    def __post_init__(self) -> None:
        if set(self.sha256) != set(ARRAY_NAMES):
            raise ValueError(f"sha256 names {sorted(self.sha256)}, expected {sorted(ARRAY_NAMES)}")

    def shape_of(self, array: str) -> tuple[int, ...]:
        """The shape that the array named ``array`` must have."""
        count = self.test_images if array.endswith("test") else self.train_images
        return (count, *self.image_shape) if array.startswith("x") else (count,)

    def check(self, array: str, values: np.ndarray) -> None:
        """Compare ``values`` with the published content of the array named ``array``.

        Raises:
            DataError: the dtype, the shape or the SHA-256 differs.
        """
        shape = self.shape_of(array)
        if values.dtype != np.uint8 or values.shape != shape:
            raise DataError(f"{array} is {values.dtype} {values.shape}, expected uint8 {shape}")
        if hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() != self.sha256[array]:
            raise DataError(f"{array} does not have the published SHA-256")

    def check_all(self, arrays: Arrays) -> None:
        """``check`` each of the four arrays."""
        for array in ARRAY_NAMES:
            self.check(array, arrays[array])
