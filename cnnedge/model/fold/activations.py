"""Activations: one form of each, and a ReLU behind a weighted layer becomes that layer's own."""

from typing import Any

from cnnedge.model.graph import Graph


def is_plain_relu(layer: Any) -> bool:
    """Whether the layer is max(x, 0): no upper limit, no slope, no threshold."""
    kind = type(layer).__name__
    if kind == "Activation":
        return layer.get_config()["activation"] == "relu"
    return kind == "ReLU" and layer.max_value is None and not layer.negative_slope and not layer.threshold


def part_activations(graph: Graph) -> None:
    """Give every weighted layer a linear activation, with a layer of its own behind it for what it had.

    An activation other than ReLU is an operator of its own in exported files, and quantization needs the tensor
    between.
    """
    for node in list(graph.nodes):
        if node.weights is None or node.activation == "linear":
            continue
        layer = _as_layer(node.operation.activation)
        graph.insert_after(node, layer, f"{node.name}_{type(layer).__name__.lower()}")
        node.changes["activation"] = "linear"


def _as_layer(activation: Any) -> Any:
    """The layer that does what an ``activation=`` does; it may be a layer already."""
    import keras

    if isinstance(activation, keras.Layer):
        return activation
    named = {"relu": keras.layers.ReLU(), "relu6": keras.layers.ReLU(6.0), "softmax": keras.layers.Softmax()}
    return named.get(getattr(activation, "__name__", ""), keras.layers.Activation(activation))


def simplify_activations(graph: Graph) -> None:
    """``Activation("relu")`` and the like become ReLU, ReLU6 and Softmax layers."""
    import keras

    for node in graph.nodes:
        if node.kind == "Activation":
            node.operation = _as_layer(node.operation.activation)
        elif node.kind == "ReLU" and is_plain_relu(node.operation):
            node.operation = keras.layers.ReLU()


def fuse_relu(graph: Graph) -> None:
    """A plain ReLU that alone reads a weighted layer becomes that layer's activation."""
    for node in list(graph.nodes):
        behind = graph.only_user(node.output) if node.weights is not None else None
        if behind is not None and behind.kind == "ReLU" and is_plain_relu(behind.operation):
            node.changes["activation"] = "relu"
            graph.bypass(behind)
