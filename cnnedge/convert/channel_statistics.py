"""What the layers of a float network are fed, channel by channel, on calibration images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.model.predictor import given_for, images_called, is_once

if TYPE_CHECKING:
    import keras

# Means over 64 images of at least some hundred places each.
IMAGES = 64


@dataclass(frozen=True)
class ChannelStatistics:
    """Of one tensor, float64 ``(channels,)`` each: over images and places, and ``reach`` the largest absolute value."""

    mean: np.ndarray
    variance: np.ndarray
    reach: np.ndarray


def channel_statistics(model: "keras.Model", tensors: Sequence[Any], pixels: np.ndarray) -> list[ChannelStatistics]:
    """The statistics of symbolic ``tensors`` of ``model``, channels last, for (N, H, W, C) ``pixels`` 0..255."""
    import keras

    if not tensors:
        return []
    probe, images = keras.Model(model.inputs[0], list(tensors)), pixels[:IMAGES]
    size = images_called(images.shape[1:])
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    once = is_once(len(images), size)
    blocks = [_of_block(given_for(probe, part.astype("float32"), once=once)) for part in parts]
    weights = np.array([len(part) for part in parts]) / len(images)
    return [_merged(weights, [block[index] for block in blocks]) for index in range(len(tensors))]


def _of_block(found: Any) -> list[np.ndarray]:
    """For every tensor (3, channels): the mean, the mean square, the largest absolute value."""
    rows = []
    for values in found if isinstance(found, list) else [found]:
        flat = np.asarray(values, "float64").reshape(-1, values.shape[-1])
        rows.append(np.stack([flat.mean(axis=0), np.square(flat).mean(axis=0), np.abs(flat).max(axis=0)]))
    return rows


def _merged(weights: np.ndarray, blocks: list[np.ndarray]) -> ChannelStatistics:
    mean, square = (np.tensordot(weights, [block[row] for block in blocks], 1) for row in (0, 1))
    return ChannelStatistics(mean, np.maximum(square - mean**2, 0), np.max([block[2] for block in blocks], axis=0))
