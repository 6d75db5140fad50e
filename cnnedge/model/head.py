"""The end of a network: whatever it gives becomes one probability per class."""

from typing import Any, Literal

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.graph import Graph, Node
from cnnedge.model.signature import OUTPUT_NAME

# What the original gives: one probability a class, their logits, one probability p of the second of two, or its logit.
Head = Literal["probabilities", "logits", "sigmoid", "logit"]
# Layers that are an activation; every other layer without one gives its sums as they are.
_ACTIVATIONS = ("Softmax", "ReLU", "LeakyReLU", "PReLU", "ELU")


def ends_in_softmax(last: Any) -> bool:
    """Whether the last layer gives probabilities: a Softmax layer, or softmax as its activation."""
    return type(last).__name__ == "Softmax" or last.get_config().get("activation") == "softmax"


def complete_head(graph: Graph) -> tuple[Head, list[str]]:
    """Let the graph end in a softmax over the classes; returns what it ended in, and what was changed in words.

    A last layer with one sigmoid unit p becomes two classes, [1 - p, p]: that is softmax([0, z]) of its logit z.

    Raises:
        ModelError: several sigmoid units (independent labels), or one softmax unit (always 1).
    """
    shape, activation = graph.output.shape, _activation(graph)
    if len(shape) != 2 or shape[1] is None:
        raise ModelError(f"the model gives output of shape {shape[1:]}, expected (classes,): it is no classifier")
    if shape[1] == 1:
        return _two_classes(graph, activation)
    if activation == "softmax":
        _flatten_before_softmax(graph)
        return "probabilities", []
    if activation == "sigmoid":
        raise ModelError(
            f"the model ends in {shape[1]} sigmoid units, each a yes or no of its own, expected one class of several: "
            "train it with a softmax, or with one sigmoid unit for two classes"
        )
    return _append_softmax(graph, activation)


def _activation(graph: Graph) -> str:
    """What the last layer does to its sum: softmax, sigmoid, linear, or a name of its own."""
    last = graph.source(graph.output)
    if last is not None and last.kind in ("Flatten", "Reshape"):
        last = graph.source(last.inputs[0])  # a softmax over a 1 x 1 map stays one when the map is flattened
    if last is None or not last.inputs:
        return "linear"
    return last.activation or (last.kind.lower() if last.kind in _ACTIVATIONS else "linear")


def _flatten_before_softmax(graph: Graph) -> None:
    """A softmax over the channels of a 1 x 1 map is the softmax of the flattened map."""
    import keras

    last = graph.source(graph.output)
    if last is None or last.kind not in ("Flatten", "Reshape"):
        return
    before = graph.source(last.inputs[0])
    if before is None or before.output.shape[-1] != last.output.shape[-1]:
        raise ModelError("the model ends in a softmax at every place of a map, expected one over the classes")
    if before.kind == "Softmax":
        graph.bypass(before)
    else:
        before.changes["activation"] = "linear"
    graph.append(keras.layers.Softmax(), OUTPUT_NAME, graph.output.shape)


def _append_softmax(graph: Graph, activation: str) -> tuple[Head, list[str]]:
    import keras

    if activation not in ("linear", ""):
        raise ModelError(
            f"the model ends in the activation {activation}, expected softmax, logits without activation, or sigmoid"
        )
    graph.append(keras.layers.Softmax(), OUTPUT_NAME, graph.output.shape)
    told = f"it gives {graph.output.shape[1]} numbers without activation, taken for logits"
    return "logits", [f"{told}: a softmax was put behind them"]


def _two_classes(graph: Graph, activation: str) -> tuple[Head, list[str]]:
    import keras

    if activation == "softmax":
        raise ModelError("the model ends in one softmax unit, which is always 1: use one sigmoid unit, or two classes")
    if activation not in ("sigmoid", "linear"):
        raise ModelError(f"the model ends in one unit with the activation {activation}, expected sigmoid or none")
    last = graph.source(graph.output)
    if activation == "sigmoid":
        last = _without_sigmoid(graph, last)
    if last is None or last.kind != "Dense":
        last = graph.append(keras.layers.Dense(2), "two_classes", (None, 2))
        last.operation.build((None, 1))
        last.operation.set_weights([np.array([[0.0, 1.0]], "float32"), np.zeros(2, "float32")])
    else:
        _widen(last)
    graph.append(keras.layers.Softmax(), OUTPUT_NAME, (None, 2))
    told = "two classes [1 - p, p] were made of it, in the order of the class folders"
    if activation == "sigmoid":
        return "sigmoid", [f"it gives one sigmoid unit p: {told}"]
    return "logit", [f"it gives one number without activation, taken for the logit of p: {told}"]


def _without_sigmoid(graph: Graph, last: Node | None) -> Node | None:
    if last is not None and last.kind == "Dense":
        last.changes["activation"] = "linear"
        return last
    if last is None or last.kind != "Activation":
        raise ModelError("the model ends in one unit behind a sigmoid inside another layer, expected Dense(1)")
    graph.bypass(last)
    return graph.source(graph.output)


def _widen(last: Node) -> None:
    """Dense(1) becomes Dense(2) whose first unit is always 0."""
    import keras

    layer = last.operation
    kernel = np.asarray(layer.kernel, "float32")
    bias = np.asarray(layer.bias, "float32") if layer.use_bias else np.zeros(1, "float32")
    wide = keras.layers.Dense(2, name=layer.name)
    wide.build((None, len(kernel)))
    wide.set_weights([np.concatenate([np.zeros_like(kernel), kernel], axis=1), np.array([0.0, bias[0]], "float32")])
    last.operation, last.changes = wide, {}
    last.output.shape = (None, 2)
