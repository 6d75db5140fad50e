"""A Rescaling of the pixels goes into the weights of the layer that reads it."""

from typing import Any

import numpy as np

from cnnedge.model.fold.weights import Weights


def absorbs_scaling(rescaling: Any, following: Any) -> bool:
    """Whether folding is exact: a weighted layer follows, and no zero of padding would need the offset added."""
    if following is None or type(following).__name__ not in ("Conv2D", "Dense"):
        return False
    offset = np.asarray(rescaling.offset, "float64")
    return bool(np.all(offset == 0)) or type(following).__name__ == "Dense" or following.padding == "valid"


def per_channel(rescaling: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset, each float64 ``(channels,)``."""
    channels = (rescaling.input.shape[-1],)
    scale = np.broadcast_to(np.asarray(rescaling.scale, "float64"), channels)
    return scale, np.broadcast_to(np.asarray(rescaling.offset, "float64"), channels)


def fold_input_scale(weights: Weights, scale: np.ndarray, offset: np.ndarray) -> None:
    """w . (scale * x + offset) + b = (w * scale) . x + (b + sum of w * offset), per input channel."""
    kernel = weights.kernel
    # The input-channel axis is the one before the output axis, in both kernel layouts.
    weights.bias = weights.bias + (kernel * offset[:, None]).reshape(-1, kernel.shape[-1]).sum(axis=0)
    weights.kernel = kernel * scale[:, None]
