"""Refusing ONNX files that ONNX Runtime may not survive, and knowing which must be tried apart first."""

import math

from cnnedge.errors import ModelError
from cnnedge.formats.budget import check_memory, check_work
from cnnedge.formats.onnx.operators import check_node
from cnnedge.formats.onnx.reader import BYTES, Node, OnnxModel
from cnnedge.formats.onnx.shapes import Shape, image_and_weights, infer_shapes

# A value's bytes where its type is not known: the widest that images come in.
_VALUE_BYTES = 4
_POINTER = 8
# NASNet has 1,500 nodes.
MOST_NODES = 20_000


def check_graph(model: OnnxModel) -> bool:
    """Check everything in an ONNX file that ONNX Runtime would trust; return whether all shapes in it are known.

    Where they are not, what it takes cannot be reckoned, and it must be run in a process of its own first.

    Raises:
        ModelError: it holds an operator that cnnedge does not let ONNX Runtime run, or takes too much.
    """
    if len(model.nodes) > MOST_NODES:
        raise ModelError(f"it has {len(model.nodes):,} operators, expected at most {MOST_NODES:,}")
    for node in model.nodes:
        check_node(node)
    shapes = infer_shapes(model)
    _check_budget(model, shapes)
    return all(output in shapes for node in model.nodes for output in node.outputs if output)


def _check_budget(model: OnnxModel, shapes: dict[str, Shape]) -> None:
    last = {name: number for number, node in enumerate(model.nodes) for name in node.inputs}
    last |= dict.fromkeys((value.name for value in model.outputs), len(model.nodes))
    live = {value.name: _size(shapes.get(value.name)) for value in model.inputs}
    constants = sum(math.prod(tensor.shape) * BYTES.get(tensor.dtype, 0) for tensor in model.initializers.values())
    for number, node in enumerate(model.nodes):
        live.update((name, _size(shapes.get(name))) for name in node.outputs)
        windows = _windows(node, shapes)
        check_memory(node.op, sum(live.values()) + _POINTER * windows)
        check_work(node.op, _work(node, shapes) + windows)
        live = {name: size for name, size in live.items() if last.get(name, -1) > number}
    check_memory("the file", constants // 4)


def _size(shape: Shape | None) -> int:
    return 0 if shape is None else _VALUE_BYTES * math.prod(shape)


def _windows(node: Node, shapes: dict[str, Shape]) -> int:
    """Positions of all windows of a pooling or convolution."""
    output = shapes.get(node.outputs[0])
    if output is None or len(output) < 3:
        return 0
    kernel: Shape = node.integers("kernel_shape")
    if not kernel and "Conv" in node.op and len(node.inputs) > image_and_weights(node)[1]:
        kernel = shapes.get(node.inputs[image_and_weights(node)[1]], ())[2:]
    return math.prod(output[2:]) * math.prod(kernel) if kernel else 0


def _work(node: Node, shapes: dict[str, Shape]) -> int:
    """Multiplications, or values that are written where there are none to speak of."""
    output = math.prod(shapes.get(node.outputs[0]) or (0,))
    image_at, weights_at = image_and_weights(node)
    if len(node.inputs) <= weights_at:
        return output
    image, weights = shapes.get(node.inputs[image_at]), shapes.get(node.inputs[weights_at])
    if "Conv" in node.op and weights:
        return output * math.prod(weights[1:])
    if node.op in ("Gemm", "MatMul", "QLinearMatMul", "QGemm", "MatMulInteger") and image:
        return output * image[-1]
    return output
