"""A TFLite file that says of its batch of 1 that it may have any size, for tf2onnx.

Both converters count on a 1 where they read one. TensorFlow's takes the sum of two maps of 1 x 1 x 160 for one with a
bias and reshapes the second to (160,); tf2onnx does the like with transpositions, or does not, as Python's hash seed
has it. Either is right for one picture and fails for sixteen.
"""

from typing import Any

import numpy as np

from cnnedge.convert.flat_dense import sizes_tensor
from cnnedge.formats.tflite.writer import is_one_of, written_aligned

_ANY = -1
# Operators that broadcast: ones in front of a shape mean nothing to them.
_OF_TWO = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM")


def with_free_batch(content: bytes) -> bytes:
    """The same function; the first axis of everything that is calculated is marked as free where it is 1."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if _loses_the_batch(model, graph, operator):
            _keep_the_batch(model, graph, operator)
        if is_one_of(model, operator, "SLICE"):
            _take_the_batch(model, graph, operator)
    calculated = [index for operator in graph.operators for index in operator.outputs]
    for index in (*graph.inputs, *calculated):
        tensor = graph.tensors[index]
        if len(tensor.shape) > 1 and tensor.shape[0] == 1:
            tensor.shapeSignature = np.array([_ANY, *tensor.shape[1:]], "int32")
    return written_aligned(model)


def _loses_the_batch(model: Any, graph: Any, operator: Any) -> bool:
    """Whether it reshapes a picture's values to one axis, for an operator that broadcasts."""
    if not is_one_of(model, operator, "RESHAPE") or len(graph.tensors[operator.outputs[0]].shape) != 1:
        return False
    users = [other for other in graph.operators if operator.outputs[0] in other.inputs]
    return graph.tensors[operator.inputs[0]].shape[0] == 1 and all(is_one_of(model, user, *_OF_TWO) for user in users)


def _take_the_batch(model: Any, graph: Any, cut: Any) -> None:
    """Let it cut no pictures off: of a batch of 1 it takes one."""
    start, sizes = (_numbers(model, graph.tensors[index]) for index in cut.inputs[1:])
    if graph.tensors[cut.inputs[0]].shape[0] == 1 and (start[0], sizes[0]) == (0, 1):
        name = graph.tensors[cut.outputs[0]].name + b"_cut"
        cut.inputs = [*cut.inputs[:2], sizes_tensor(model, name, [_ANY, *sizes[1:].tolist()])]


def _numbers(model: Any, tensor: Any) -> np.ndarray:
    return np.frombuffer(bytes(bytearray(model.buffers[tensor.buffer].data)), "<i4")


def _keep_the_batch(model: Any, graph: Any, reshape: Any) -> None:
    """Let it put ones in front, as many as its input has axes more."""
    output, axes = graph.tensors[reshape.outputs[0]], len(graph.tensors[reshape.inputs[0]].shape)
    output.shape = [*[1] * (axes - 1), int(output.shape[0])]
    reshape.inputs = [reshape.inputs[0], sizes_tensor(model, output.name + b"_sizes", output.shape)]
    if reshape.builtinOptions is not None:
        reshape.builtinOptions.newShape = output.shape
