"""Scaling by channel goes into the weights beside it: batch normalization, Rescaling, Normalization.

All three are ``y = scale * x + offset`` with one pair of numbers a channel. Into the layer before that is always exact.
Into the layer behind it is exact as long as no zero of padding would have needed the offset added; there the scaling
stays a layer.
"""

from dataclasses import dataclass

import numpy as np

from cnnedge.model.graph import Graph, Node

# Layers that scaling can cross: means and rearrangements of channels that stay whole.
_CROSSED = ("GlobalAveragePooling2D", "Flatten")


@dataclass
class Affine:
    """``y = scale * x + offset``; both float64 (channels,)."""

    scale: np.ndarray
    offset: np.ndarray


def affine_of(node: Node) -> Affine | None:
    """What the node does to each channel, if that is all it does."""
    if len(node.inputs) != 1 or len(node.outputs) != 1 or node.output.shape[-1] is None:
        return None
    if node.kind == "BatchNormalization":
        return _batch_normalization(node)
    if node.kind == "Rescaling":
        return _spread(node, node.operation.scale, node.operation.offset)
    if node.kind == "Normalization":
        return _normalization(node)
    return None


def _is_last(axis: int, node: Node) -> bool:
    return axis in (-1, len(node.output.shape) - 1)


def _batch_normalization(node: Node) -> Affine | None:
    """At inference: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta."""
    norm = node.operation
    if not _is_last(norm.axis, node):
        return None
    mean, variance = (np.asarray(v, "float64") for v in (norm.moving_mean, norm.moving_variance))
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma, "float64")
    offset = -mean * scale
    return Affine(scale, offset + np.asarray(norm.beta, "float64") if norm.center else offset)


def _normalization(node: Node) -> Affine | None:
    """y = (x - mean) / max(sqrt(variance), epsilon), as keras.layers.Normalization calculates it."""
    import keras

    norm = node.operation
    if norm.invert or norm.mean is None or (norm.axis and not all(_is_last(axis, node) for axis in norm.axis)):
        return None
    mean, variance = (np.asarray(v, "float64") for v in (norm.mean, norm.variance))
    scale = 1.0 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return _spread(node, scale.reshape(-1), (-mean * scale).reshape(-1))


def _spread(node: Node, scale: object, offset: object) -> Affine | None:
    channels = (node.output.shape[-1] or 1,)
    pair = [np.asarray(value, "float64") for value in (scale, offset)]
    if any(value.size not in (1, *channels) for value in pair):
        return None
    return Affine(*(np.broadcast_to(value.reshape(-1), channels) for value in pair))


def fold_affine(graph: Graph) -> None:
    """Fold every scaling that can be, from the image on; what cannot be folded is merged with scalings beside it.

    A Normalization that stays becomes the Rescaling that it is: a multiplication and an addition, which every converter
    knows, in place of a subtraction and a division.
    """
    import keras

    for node in list(graph.nodes):
        affine = affine_of(node)
        if affine is None:
            continue
        if _into_before(graph, node, affine) or _into_behind(graph, node, affine):
            graph.bypass(node)
        elif node.kind == "Normalization":
            node.operation = keras.layers.Rescaling(_short(affine.scale), _short(affine.offset))


def _into_before(graph: Graph, node: Node, affine: Affine) -> bool:
    before = graph.source(node.inputs[0])
    if before is None or graph.only_user(before.output) is not node:
        return False
    if before.weights is not None and before.activation == "linear":
        before.weights.scale_outputs(affine.scale)
        before.weights.bias = before.weights.bias + affine.offset
        return True
    return False


def _into_behind(graph: Graph, node: Node, affine: Affine) -> bool:
    behind = graph.only_user(node.output)
    while behind is not None and behind.kind in _CROSSED:
        if behind.kind == "Flatten":
            affine = _repeated(affine, behind)
        behind = graph.only_user(behind.output)
    if behind is None:
        return False
    if behind.weights is not None and _sees_no_padding(behind, affine):
        behind.weights.take_in(affine.scale, affine.offset)
        return True
    return _merged(behind, affine)


def _repeated(affine: Affine, flatten: Node) -> Affine:
    positions = (flatten.output.shape[-1] or 0) // len(affine.scale)
    return Affine(np.tile(affine.scale, positions), np.tile(affine.offset, positions))


def _sees_no_padding(layer: Node, affine: Affine) -> bool:
    if not np.any(affine.offset) or layer.kind == "Dense":
        return True
    if layer.kind == "Conv2DTranspose":
        return False
    return layer.setting("padding") == "valid" or tuple(layer.setting("kernel_size")) == (1, 1)


def _merged(behind: Node, first: Affine) -> bool:
    """One Rescaling in place of two scalings, the second of which reads the first."""
    import keras

    second = affine_of(behind)
    if second is None or len(second.scale) != len(first.scale):
        return False
    scale, offset = first.scale * second.scale, first.offset * second.scale + second.offset
    behind.operation = keras.layers.Rescaling(_short(scale), _short(offset))
    return True


def _short(values: np.ndarray) -> float | list[float]:
    """One number where all channels have the same."""
    return float(values[0]) if np.all(values == values[0]) else values.tolist()
