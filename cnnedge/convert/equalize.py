"""Channels of like size: between two layers each channel can have any scale, and quantization likes one for all.

A file has one step for a whole tensor of activations and one for each output channel of a weight. A channel that hardly
moves then vanishes in the step of its neighbours; and the large weights behind it, that make up for it, make the step
of all other weights coarse: a pruned network with weights of 0.3 to 190 in its last layer answered 70 % as its model.
Since ``relu(s * x) = s * relu(x)``, a channel can be divided by s where it is made and multiplied by s where it is
read. That is cross-layer equalization (Nagel et al., ICCV 2019, arXiv 1906.04721, section 4.1); here the split between
activations and weights is the one with the least noise expected, and s is a power of two, so that the float network
gives the same to the last bit.

The noise of a step d is d**2 / 12. Into each sum go that of the activations times the squares of the weights, and that
of the weights times the squares of the activations about their mean (``round_weights`` takes the mean out).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.channel_statistics import ChannelStatistics, channel_statistics
from cnnedge.model.fold import is_plain_relu
from cnnedge.model.graph.weights import LAYOUTS, read_weights

if TYPE_CHECKING:
    import keras

# Layers that a positive factor of a channel can cross, each giving the channels that it takes.
_CROSSED = (
    "MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D", "Flatten", "ZeroPadding2D",
    "Cropping2D", "UpSampling2D", "Dropout", "LeakyReLU", "PReLU",
)  # fmt: skip
_READERS = ("Conv2D", "Dense", "DepthwiseConv2D")
ACTIVATION_STEPS = 255
# How much of the difference goes into the activations, the rest into the weights.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Less noise than this share of what there was, or nothing is changed.
_WORTH = 0.8
# No channel counts as smaller than this part of the largest: one that never moved during calibration may do so later.
_SMALLEST = 2.0**-10


def equalized(folded: "keras.Model", pixels: np.ndarray, *, levels: int) -> "keras.Model":
    """A twin of ``folded`` that gives the same, with channels scaled for the least noise of 8-bit activations.

    Args:
        folded: from ``fold``: every weighted layer with a bias, each called once.
        pixels: (N, H, W, C) calibration images 0..255.
        levels: a weight has whole numbers -levels..levels of steps.
    """
    import keras

    twin = keras.models.clone_model(folded)
    twin.set_weights(folded.get_weights())
    pairs = list(_pairs(folded))
    tensors = [tensor for pair in pairs for tensor in (pair.between, pair.second.input)]
    found = channel_statistics(folded, tensors, pixels)
    for pair, made, read in zip(pairs, found[::2], found[1::2], strict=True):
        _equalize(twin.get_layer(pair.first.name), twin.get_layer(pair.second.name), made, read, levels)
    return twin


@dataclass(frozen=True)
class _Pair:
    """``second`` alone reads what ``first`` gives; ``between`` is that tensor, behind the ReLU."""

    first: Any
    between: Any
    second: Any


def _pairs(folded: "keras.Model") -> Iterator[_Pair]:
    for layer in folded.layers:
        if type(layer).__name__ not in LAYOUTS or not layer.use_bias:
            continue
        behind, between = _only_reader(layer, folded), layer.output
        while behind is not None and (type(behind).__name__ in _CROSSED or is_plain_relu(behind)):
            between = behind.output if is_plain_relu(behind) else between
            behind = _only_reader(behind, folded)
        if behind is not None and type(behind).__name__ in _READERS and getattr(behind, "groups", 1) == 1:
            yield _Pair(layer, between, behind)


def _only_reader(layer: Any, folded: "keras.Model") -> Any:
    known = {id(other) for other in folded.layers}
    readers = [node.operation for node in layer._outbound_nodes if id(node.operation) in known]
    return readers[0] if len(readers) == 1 else None


def _equalize(first: Any, second: Any, made: ChannelStatistics, read: ChannelStatistics, levels: int) -> None:
    """Divide the channels of ``first`` and multiply them in ``second``, if that is worth it."""
    channels = len(made.reach)
    giving, taking = read_weights(first), read_weights(second)
    noise = _Noise(_by_channel(taking.kernel, channels), taking.layout == "hwcm", made.reach, read.variance, levels)
    # Nothing says which scale a channel without any weights has: it keeps its own.
    alive = _weights_of_outputs(giving.kernel, giving.layout) > 0
    best = min((noise.factors(share, alive) for share in _SHARES), key=noise.power)
    if noise.power(best) < _WORTH * noise.power(np.ones(channels)):
        giving.scale_outputs(1 / best)
        taking.take_in(np.tile(best, len(read.reach) // channels), np.zeros(len(read.reach)))
        first.set_weights(giving.as_float32())
        second.set_weights(taking.as_float32())


@dataclass(frozen=True)
class _Noise:
    """What is expected of one tensor and the layer that reads it.

    Attributes:
        weights: absolute, (channels, places, outputs).
        depthwise: every channel's weights have steps of their own.
        reach: of the tensor, (channels,).
        variance: of what the layer reads; behind a Flatten (places * channels,).
        levels: of the weights.
    """

    weights: np.ndarray
    depthwise: bool
    reach: np.ndarray
    variance: np.ndarray
    levels: int

    def factors(self, share: float, alive: np.ndarray) -> np.ndarray:
        """Powers of two (channels,) that make activations (share 1) or weights (share 0) alike."""
        reach = _part(self.reach)
        weights = _part((self.weights / np.maximum(self._tops(), np.finfo("float64").tiny)).max(axis=(1, 2)))
        powers = np.round(share * np.log2(reach) - (1 - share) * np.log2(weights))
        scaled = np.log2(np.maximum(self.reach, np.finfo("float64").tiny)) - powers
        # The tensor's largest value stays about where it was: only the proportions matter.
        powers += np.round(scaled[alive].max(initial=-np.inf) - np.log2(self.reach.max())) if alive.any() else 0
        return np.where(alive, 2.0**powers, 1.0)

    def _tops(self) -> np.ndarray:
        return self.weights.max(axis=1 if self.depthwise else (0, 1), keepdims=True)

    def power(self, factors: np.ndarray) -> float:
        """The noise in all outputs together, with each channel divided by its factor."""
        weights = self.weights * factors[:, None, None]
        tops = weights.max(axis=1 if self.depthwise else (0, 1), keepdims=True)
        step = (self.reach / factors).max() / ACTIVATION_STEPS
        variance = self.variance.reshape(-1, len(factors)).T / factors[:, None] ** 2
        spread = np.broadcast_to(variance.mean(axis=1)[:, None, None], weights.shape)
        return float(step**2 * np.square(weights).sum() + (np.square(tops / self.levels) * spread).sum())


def _part(values: np.ndarray) -> np.ndarray:
    """Each of the largest, no less than ``_SMALLEST``."""
    return np.maximum(values / max(values.max(), np.finfo("float64").tiny), _SMALLEST)


def _by_channel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Absolute weights (channels, places, outputs); the places of a dense layer are those that a Flatten had."""
    if kernel.ndim == 2:
        return np.abs(kernel).reshape(-1, channels, kernel.shape[-1]).transpose(1, 0, 2)
    return np.abs(kernel).reshape(-1, *kernel.shape[2:]).transpose(1, 0, 2)


def _weights_of_outputs(kernel: np.ndarray, layout: str) -> np.ndarray:
    """The largest absolute weight of each output channel."""
    if layout == "hwcm":
        return np.abs(kernel).max(axis=(0, 1)).reshape(-1)
    axis = layout.index("o")
    return np.abs(kernel).max(axis=tuple(other for other in range(kernel.ndim) if other != axis))
