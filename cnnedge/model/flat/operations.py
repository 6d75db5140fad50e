"""Operations on tensors (``x / 127.5 - 1``, ``keras.ops.relu(x)``, ``a + b``) as the layers that do the same.

What no rule covers stays an operation: the float converters trace it as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnedge.model.graph import Graph, Node, Wire

# What ``x * scale + offset`` an operation with the constant c on its right, and on its left, is.
_AFFINE: dict[str, tuple[Callable[[Any], tuple[Any, Any]], Callable[[Any], tuple[Any, Any]] | None]] = {
    "Add": (lambda c: (1.0, c), lambda c: (1.0, c)),
    "Subtract": (lambda c: (1.0, -c), lambda c: (-1.0, c)),
    "Multiply": (lambda c: (c, 0.0), lambda c: (c, 0.0)),
    "TrueDivide": (lambda c: (1 / c, 0.0), None),
    "Divide": (lambda c: (1 / c, 0.0), None),
}
_OF_TWO = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
_ACTIVATIONS = {
    "Sigmoid": "sigmoid", "Silu": "silu", "Tanh": "tanh", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu",
    "Softplus": "softplus", "Softsign": "softsign", "Exp": "exponential", "Mish": "mish", "LogSigmoid": "log_sigmoid",
    "Selu": "selu", "SparsePlus": "sparse_plus", "SparseSigmoid": "sparse_sigmoid",
}  # fmt: skip
# Activations of one setting, and the value that the layer of this name has.
_SET_ACTIVATIONS = {"Celu": ("celu", "alpha", 1.0), "SoftShrink": ("soft_shrink", "threshold", 0.5)}
_HEIGHT_WIDTH = ((1, 2), (-3, -2))


def operations_to_layers(graph: Graph) -> None:
    """Replace every operation that some layer does as well."""
    import keras

    for node in graph.nodes:
        if not isinstance(node.operation, keras.Layer):
            _replace(node)


def _replace(node: Node) -> None:
    made = _of_two(node) or _affine(node) or _activation(node) or _reshaping(node)
    if made is None:
        return
    node.operation = made
    wires = node.inputs
    node.connect((wires if len(wires) > 1 else wires[0],), {})


def _operands(node: Node) -> tuple[Any, ...]:
    return (*node.args, *node.kwargs.values())


def _of_two(node: Node) -> Any:
    import keras

    operands = _operands(node)
    if node.kind not in _OF_TWO or not all(isinstance(value, Wire) for value in operands):
        return None
    if len({len(wire.shape) for wire in operands}) != 1:
        return None
    return getattr(keras.layers, node.kind)()


def _affine(node: Node) -> Any:
    """A Rescaling, where the other operand is a number or one number a channel."""
    import keras

    if node.kind == "Negative":
        return keras.layers.Rescaling(-1.0)
    operands = _operands(node)
    if node.kind not in _AFFINE or len(operands) != 2:
        return None
    wire_first = isinstance(operands[0], Wire)
    constant = _per_channel(operands[1] if wire_first else operands[0], node.output.shape)
    rule = _AFFINE[node.kind][0 if wire_first else 1]
    if constant is None or rule is None or node.inputs[0].shape != node.output.shape:
        return None
    scale, offset = rule(constant)
    return keras.layers.Rescaling(_plain(scale), _plain(offset))


def _per_channel(value: Any, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """The constant as one number, or one a channel; None if it is neither."""
    if isinstance(value, Wire):
        return None
    array = np.asarray(value, "float64")
    if array.size == 1:
        return array.reshape(())
    return array.reshape(-1) if array.size == shape[-1] == array.shape[-1] else None


def _plain(value: Any) -> Any:
    """Numbers that a layer's configuration can hold."""
    return np.asarray(value, "float64").tolist()


def _activation(node: Node) -> Any:
    import keras

    operation = node.operation
    if node.kind in _ACTIVATIONS:
        return keras.layers.Activation(_ACTIVATIONS[node.kind])
    if node.kind in _SET_ACTIVATIONS:
        name, setting, value = _SET_ACTIVATIONS[node.kind]
        return keras.layers.Activation(name) if getattr(operation, setting) == value else None
    if node.kind == "Relu":
        return keras.layers.ReLU()
    if node.kind == "Relu6":
        return keras.layers.ReLU(6.0)
    if node.kind == "ReLU":
        return keras.layers.ReLU(operation.max_value, operation.negative_slope, operation.threshold)
    if node.kind == "LeakyRelu":
        return keras.layers.LeakyReLU(negative_slope=operation.negative_slope)
    if node.kind == "Elu":
        return keras.layers.ELU(operation.alpha)
    if node.kind == "Softmax" and operation.axis in (-1, len(node.output.shape) - 1):
        return keras.layers.Softmax()
    return None


def _reshaping(node: Node) -> Any:
    import keras

    operation = node.operation
    if node.kind in ("Mean", "Max") and len(node.inputs[0].shape) == 4:
        axes = tuple(operation.axis) if isinstance(operation.axis, (list, tuple)) else operation.axis
        kind = keras.layers.GlobalAveragePooling2D if node.kind == "Mean" else keras.layers.GlobalMaxPooling2D
        return kind(keepdims=operation.keepdims) if axes in _HEIGHT_WIDTH else None
    if node.kind == "Reshape" and None not in node.output.shape[1:]:
        return keras.layers.Reshape(node.output.shape[1:])
    if node.kind == "Concatenate":
        return keras.layers.Concatenate(axis=operation.axis)
    return None
