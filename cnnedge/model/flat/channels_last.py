"""A network whose layers put channels first, as one whose layers put them last: the order that every file has.

TFLite has no layer with channels first, so that the converter put others around each, and no integer file of a
transposed convolution or a PReLU could be made. And what folds, equalizes and rounds weights takes the last axis for
the channels: batch normalization stayed, and int8 files lost 30 points.
"""

from typing import Any

import numpy as np

from cnnedge.model.graph import Graph, Node, Wire, rewired

# For ``Permute``, which leaves the batch out: (C, H, W) to (H, W, C) and back.
_TO_LAST, _TO_FIRST = (2, 3, 1), (3, 1, 2)
# Which axis of (N, H, W, C) each axis of (N, C, H, W) is.
_AXES = (0, 3, 1, 2)
# Layers that treat every value alike, some of several tensors; and those whose weights lie along one axis.
_OF_VALUES = ("ReLU", "LeakyReLU", "ELU", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
_OF_AN_AXIS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "Concatenate")
_ALONG_THE_LAST = ("softmax", "log_softmax", "sparsemax", "glu")


def is_channels_first(layer: Any) -> bool:
    """Whether it is a layer of Keras that puts the channels of pictures before their height."""
    import keras

    return (
        getattr(layer, "data_format", "") == "channels_first"
        and isinstance(layer, keras.Layer)
        and type(layer).__module__.startswith("keras.")
        and len(layer._inbound_nodes) > 0
        and len(layer._inbound_nodes[0].input_tensors[0].shape) == 4
    )


def channels_last(graph: Graph) -> None:
    """Turn every such layer, and what stands between them; a Permute stands where another order is read."""
    if not any(is_channels_first(node.operation) for node in graph.nodes):
        return
    turned = _Turned(graph)
    for node in list(graph.nodes):
        turned.take(node)
    graph.drop_unused()


class _Turned:
    """Which tensors there are with channels last; the old ones are made of them again, for whatever reads them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._last: dict[int, Wire] = {}  # by the id of the wire with channels first

    def take(self, node: Node) -> None:
        if is_channels_first(node.operation):
            node.changes["data_format"] = "channels_last"
            self._turn(node)
        elif node.kind == "Permute":
            self._take_order(node)
        elif any(id(wire) in self._last for wire in node.inputs) and _takes_settings(node):
            self._turn(node)

    def _take_order(self, node: Node) -> None:
        order, taken = tuple(node.operation.dims), node.inputs[0]
        if order == _TO_FIRST:
            self._last[id(node.output)] = taken
        elif order == _TO_LAST and id(taken) in self._last:
            self._graph.replace(node.output, self._last[id(taken)])

    def _turn(self, node: Node) -> None:
        """Let the node read and give tensors with channels last."""
        for wire in node.inputs:
            if id(wire) not in self._last:
                self._last[id(wire)] = _permuted(wire, _TO_LAST)
                self._insert(_TO_LAST, wire, self._last[id(wire)], self._graph.nodes.index(node))
        node.connect(*rewired((node.args, node.kwargs), lambda wire: self._last[id(wire)]))
        old = node.output
        if len(old.shape) == 4:  # else a global pooling or a Flatten, which gives the same numbers in the same order
            node.outputs = [_permuted(old, _TO_LAST)]
            self._last[id(old)] = node.output
            self._insert(_TO_FIRST, node.output, old, self._graph.nodes.index(node) + 1)

    def _insert(self, order: tuple[int, ...], taken: Wire, given: Wire, place: int) -> None:
        import keras

        name = self._graph.free_name("channels_last" if order == _TO_LAST else "channels_first")
        self._graph.nodes.insert(place, Node(keras.layers.Permute(order), (taken,), {}, [given], name))


def _permuted(wire: Wire, order: tuple[int, ...]) -> Wire:
    return Wire((wire.shape[0], *(wire.shape[axis] for axis in order)))


def _takes_settings(node: Node) -> bool:
    """Give a node that has no data format of its own the settings for channels last; False if it has to stay."""
    if any(len(wire.shape) != 4 for wire in node.inputs):
        return False
    if node.kind in _OF_VALUES:
        return True
    if node.kind == "Activation":
        return node.activation not in _ALONG_THE_LAST
    if node.kind == "Rescaling":
        return np.ndim(node.operation.scale) == np.ndim(node.operation.offset) == 0
    if node.kind == "PReLU":
        node.operation = _turned_slopes(node.operation, node.output.shape)
        return True
    axes = getattr(node.operation, "axis", None)
    axes = axes if isinstance(axes, (list, tuple)) else [axes]
    if node.kind not in _OF_AN_AXIS or len(axes) != 1:
        return False
    node.changes["axis"] = _AXES[axes[0] % 4]
    return True


def _turned_slopes(layer: Any, shape: tuple[int | None, ...]) -> Any:
    """A PReLU that does the same behind a Permute; ``shape`` is that of its own output."""
    shared = [_AXES[axis] for axis in layer.shared_axes] if layer.shared_axes else None
    turned = type(layer).from_config(layer.get_config() | {"shared_axes": shared, "dtype": "float32"})
    turned.build((None, *(shape[axis] for axis in _TO_LAST)))
    turned.set_weights([np.asarray(layer.alpha, "float32").transpose(1, 2, 0)])
    return turned
