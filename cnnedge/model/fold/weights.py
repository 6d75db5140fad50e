"""The weights of one folded layer, in float64 so that folding adds no rounding of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# The axis of the output channels in each kernel layout: (h, w, in, out), (in, out), (h, w, channels, multiplier = 1).
CHANNEL_AXIS = {"Conv2D": 3, "Dense": 1, "DepthwiseConv2D": 2}


@dataclass
class Weights:
    """Kernel in the layer's own layout, and bias ``(channels,)``; both float64.

    ``axis`` is the kernel's axis of output channels.
    """

    kernel: np.ndarray
    bias: np.ndarray
    axis: int

    def scale_outputs(self, factor: np.ndarray) -> None:
        """Multiply each output channel, bias included, by its factor ``(channels,)``."""
        shape = [1] * self.kernel.ndim
        shape[self.axis] = -1
        self.kernel = self.kernel * factor.reshape(shape)
        self.bias = self.bias * factor

    def as_float32(self) -> list[np.ndarray]:
        return [self.kernel.astype("float32"), self.bias.astype("float32")]


def read_weights(layer: Any) -> Weights:
    """The weights of a layer whose kind is in ``CHANNEL_AXIS``; a missing bias is zeros."""
    axis = CHANNEL_AXIS[type(layer).__name__]
    kernel = np.asarray(layer.kernel, "float64")
    bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(kernel.shape[axis])
    return Weights(kernel, bias, axis)
