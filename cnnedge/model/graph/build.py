"""A graph becomes a functional Keras 3 model of fresh layers in float32."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.model.graph import Graph, Node, rewired
from cnnedge.model.signature import INPUT_NAME

if TYPE_CHECKING:
    import keras


def build(graph: Graph) -> "keras.Model":
    """The model: one Input named ``image``, float32, every layer called once and named as its node."""
    return build_with_tensors(graph)[0]


def build_with_tensors(graph: Graph) -> "tuple[keras.Model, dict[int, Any]]":
    """The model, and the symbolic tensor of each of the graph's wires, by the wire's id."""
    import keras

    image = keras.Input(graph.image.shape[1:], name=INPUT_NAME)
    tensors = {id(graph.image): image}
    placed = []
    for node in graph.nodes:
        operation = _copy(node)
        args, kwargs = rewired((node.args, node.kwargs), lambda wire: tensors[id(wire)])
        given = keras.tree.flatten(operation(*args, **kwargs))
        tensors.update((id(wire), tensor) for wire, tensor in zip(node.outputs, given, strict=True))
        placed.append((node, operation))
    model = keras.Model(image, tensors[id(graph.output)], name=graph.name)
    for node, operation in placed:
        _fill(node, operation)
    return model, tensors


def _copy(node: Node) -> Any:
    """A fresh operation of the same configuration; layers compute in float32 whatever the original's policy was."""
    import keras

    if not isinstance(node.operation, keras.Layer):
        copy = type(node.operation).from_config(node.operation.get_config())
        copy.name = node.name
        return copy
    if isinstance(node.operation, keras.Model):
        return node.operation  # a subclassed model: its code alone knows what is inside
    config = {**node.operation.get_config(), **node.changes, "name": node.name, "dtype": "float32"}
    return type(node.operation).from_config(config)


def _fill(node: Node, layer: Any) -> None:
    if node.weights is not None:
        layer.set_weights(node.weights.as_float32())
    elif getattr(node.operation, "weights", None) and layer is not node.operation:
        layer.set_weights([np.asarray(value, "float32") for value in node.operation.weights])
        refresh(layer)


def refresh(layer: Any) -> None:
    """Let layers that keep what they derive from their weights (Normalization: mean, variance) derive it anew."""
    for part in layer._flatten_layers():
        if hasattr(part, "finalize_state"):
            part.finalize_state()
