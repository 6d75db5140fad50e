"""A file's channels in the Keras model's own scales.

``convert.equalize`` divides channels by powers of two where they are made and multiplies them where they are read.
Which ones the file's weights say: rounded to 7 bits they differ from the float ones by some per cent, and a factor of
two by a hundred.
"""

from dataclasses import dataclass

import numpy as np

from cnnedge.convert.layer_errors.decibels import power, sqnr_db
from cnnedge.convert.layer_errors.float_layers import FloatLayer
from cnnedge.convert.layer_errors.trace import TracedLayer

# Layers without weights that hand the scales on.
_HANDING_ON = ("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")


@dataclass(frozen=True)
class Scaled:
    """A file's layer beside the Keras layer that it may be.

    Attributes:
        layer: the file's.
        scales: float64 (channels,), by which its outputs are multiplied to be in the Keras model's; or 1.
        sqnr_db: of its kernel, in its own scales; None without weights or without any error.
    """

    layer: TracedLayer
    scales: np.ndarray
    sqnr_db: float | None


def in_keras_scales(layer: FloatLayer, traced: TracedLayer, sources: list[np.ndarray]) -> Scaled:
    """``traced`` as ``layer``, the channels of whose sources have the scales ``sources``."""
    fed = sources[0] if len(sources) == 1 else np.ones(1)
    if layer.kernel is None or traced.kernel is None:
        return Scaled(traced, fed if layer.kind in _HANDING_ON else np.ones(1), None)
    found = traced.kernel.astype("float64")
    wanted = layer.kernel * _by_input(fed, found, layer.kind)
    scales = _powers_of_two(_sums_by_output(wanted**2, layer.kind), _sums_by_output(wanted * found, layer.kind))
    wanted = wanted / _by_output(scales, found, layer.kind)
    return Scaled(traced, scales, sqnr_db(power(wanted), power(wanted - found)))


def _by_input(scales: np.ndarray, kernel: np.ndarray, kind: str) -> np.ndarray:
    """In the shape of a kernel's last two axes; behind a Flatten every channel is there once for each place, and of a
    depthwise convolution once for each output channel that is made of it."""
    spread = np.repeat if kind == "DepthwiseConv2D" else np.tile
    return spread(scales, kernel.shape[-2] // len(scales))[:, None] if len(scales) > 1 else scales


def _sums_by_output(products: np.ndarray, kind: str) -> np.ndarray:
    kept = 2 if kind == "DepthwiseConv2D" else 1
    return products.sum(axis=tuple(range(products.ndim - kept))).reshape(-1)


def _by_output(scales: np.ndarray, kernel: np.ndarray, kind: str) -> np.ndarray:
    return scales.reshape(kernel.shape[-2:]) if kind == "DepthwiseConv2D" else scales


def _powers_of_two(own: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """How much larger the Keras model's channels are; 1 for a channel without weights, or with those of another net."""
    known = (own > 0) & (shared > 0)
    return np.where(known, 2.0 ** np.round(np.log2(np.where(known, own, 1) / np.where(known, shared, 1))), 1.0)
