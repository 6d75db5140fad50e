"""Weights rounded to the grid of the integer file beforehand, and the mean of what that changes taken out of the bias.

Rounding a weight by d moves every output by d times the input. Inputs behind a ReLU are never negative, so these do not
cancel: outputs shift, by 2.4 in the logits of a pruned network whose head takes differences of large numbers, which
then answered 56 % as its model did. The shift is the sum of d times the mean input, known from calibration images, and
the bias takes it back (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, arXiv 1906.04721, section 4.2).
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.channel_statistics import channel_statistics

if TYPE_CHECKING:
    import keras

# Codes of 8-bit weights, as the TFLite converter takes them, and of the 7-bit ones of ONNX files.
EIGHT_BITS, SEVEN_BITS = 127, 63
# The layers whose weights are rounded, with the axes of their kernels that one output channel covers.
_WITHIN = {"Conv2D": (0, 1, 2), "Dense": (0,), "DepthwiseConv2D": (0, 1)}


def with_rounded_weights(
    folded: "keras.Model", pixels: np.ndarray, *, levels: int, float_layers: Collection[str] = ()
) -> "keras.Model":
    """A twin of ``folded`` whose convolutions and dense layers have weights of whole numbers -levels..levels of steps.

    One step an output channel, its largest weight being ``levels`` of them: the converter's own grid, so that it rounds
    no further. Means of all outputs stay as they were.

    Args:
        folded: from ``fold``, every such layer with a bias.
        pixels: (N, H, W, C) calibration images 0..255.
        float_layers: names of layers that keep their weights.
    """
    import keras

    layers = [
        layer
        for layer in folded.layers
        if type(layer).__name__ in _WITHIN and layer.use_bias and layer.name not in float_layers
    ]
    if not layers:
        return folded
    twin = keras.models.clone_model(folded)
    twin.set_weights(folded.get_weights())
    fed = channel_statistics(folded, [layer.input for layer in layers], pixels)
    for layer, inputs in zip(layers, fed, strict=True):
        kernel, bias = (np.asarray(values, "float64") for values in layer.get_weights())
        rounded = _rounded(kernel, _WITHIN[type(layer).__name__], levels)
        shift = _shift(type(layer).__name__, rounded - kernel, inputs.mean)
        twin.get_layer(layer.name).set_weights([rounded.astype("float32"), (bias - shift).astype("float32")])
    return twin


def _rounded(kernel: np.ndarray, within: tuple[int, ...], levels: int) -> np.ndarray:
    step = np.abs(kernel).max(axis=within, keepdims=True) / levels
    return np.round(kernel / np.where(step > 0, step, 1)) * step


def _shift(kind: str, change: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """What the change of a kernel adds to the mean of each output channel; zero padding at the edges is left out."""
    if kind == "DepthwiseConv2D":
        return (change.sum(axis=(0, 1)) * mean[:, None]).reshape(-1)
    if kind == "Dense":
        return mean @ change
    # A grouped kernel has the input channels of one group; the groups' outputs lie one behind the other.
    groups = len(mean) // change.shape[2]
    by_group = change.sum(axis=(0, 1)).reshape(change.shape[2], groups, -1)
    return np.einsum("igo,gi->go", by_group, mean.reshape(groups, -1)).reshape(-1)
