"""Kernel and bias of one layer, in float64 so that folding adds no rounding of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# The layers that have a kernel and a bias, with the kernel's layout: height, width, input and output channels;
# c is an input channel of a depthwise layer, m which of its outputs.
LAYOUTS = {"Conv2D": "hwio", "Dense": "io", "DepthwiseConv2D": "hwcm", "Conv2DTranspose": "hwoi"}


@dataclass
class Weights:
    """``kernel`` in the layer's own layout, ``bias`` (output channels,); ``groups`` of a grouped convolution."""

    kernel: np.ndarray
    bias: np.ndarray
    layout: str
    groups: int = 1

    def scale_outputs(self, factor: np.ndarray) -> None:
        """Multiply each output channel, bias included, by its factor ``(output channels,)``."""
        if self.layout == "hwcm":
            factor_of_kernel = factor.reshape(self.kernel.shape[-2:])
        else:
            factor_of_kernel = factor[:, None] if self.layout == "hwoi" else factor
        self.kernel = self.kernel * factor_of_kernel
        self.bias = self.bias * factor

    def take_in(self, scale: np.ndarray, offset: np.ndarray) -> None:
        """w . (scale * x + offset) + b = (w * scale) . x + (b + sum of w * offset), per input channel."""
        added = (self.kernel * self._per_input(offset)).sum(axis=tuple(range(self.kernel.ndim - 2)))
        if self.layout == "hwcm":
            self.bias = self.bias + added.reshape(-1)
        else:
            self.bias = self.bias + added.sum(axis=1 if self.layout == "hwoi" else 0)
        self.kernel = self.kernel * self._per_input(scale)

    def _per_input(self, values: np.ndarray) -> np.ndarray:
        """One value per input channel in the shape of the kernel's last two axes."""
        if self.layout == "hwoi":
            return values[None, :]
        if self.layout == "hwio" and self.groups > 1:
            return np.repeat(values.reshape(self.groups, -1), self.kernel.shape[-1] // self.groups, axis=0).T
        return values[:, None]

    def reorder_inputs(self, order: np.ndarray) -> None:
        """For x whose channel c is channel ``order[c]`` of another tensor: take that tensor instead."""
        kernel = np.empty_like(self.kernel)
        kernel[..., order, :] = self.kernel
        self.kernel = kernel

    def as_float32(self) -> list[np.ndarray]:
        return [self.kernel.astype("float32"), self.bias.astype("float32")]


def read_weights(layer: Any) -> Weights:
    """The weights of a layer whose kind is in ``LAYOUTS``; a missing bias is zeros."""
    layout = LAYOUTS[type(layer).__name__]
    kernel = np.asarray(layer.kernel, "float64")
    outputs = kernel.shape[2] * kernel.shape[3] if layout == "hwcm" else kernel.shape[layout.index("o")]
    bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(outputs)
    return Weights(kernel, bias, layout, getattr(layer, "groups", 1) if layout == "hwio" else 1)
