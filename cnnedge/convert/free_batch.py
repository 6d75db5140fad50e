"""A TFLite file that says of its batch of 1 that it may have any size, for tf2onnx.

Both converters count on a 1 where they read one. TensorFlow's takes the sum of two maps of 1 x 1 x 160 for one with a
bias and reshapes the second to (160,); tf2onnx does the like with transpositions, or does not, as Python's hash seed
has it. Either is right for one picture and fails for sixteen. A gate of (1, 1, 1, 8) that came of (1, 8) over another
order of axes stays (1, 8) before the product with a map of (1, 10, 10, 8).
"""

from typing import Any

import numpy as np

from cnnedge.convert.flat_dense import sizes_tensor
from cnnedge.formats.tflite.ends import operator_code
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
    graph.operators = [
        each for operator in graph.operators for each in (*_widened(model, graph, operator, calculated), operator)
    ]
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


def _widened(model: Any, graph: Any, operator: Any, calculated: list[int]) -> list[Any]:
    """A reshape for each operand with fewer axes than the other: its first one is the batch, not some place's."""
    import copy

    from ai_edge_litert import schema_py_generated as schema

    if not is_one_of(model, operator, *_OF_TWO):
        return []
    axes, made = max(len(graph.tensors[index].shape) for index in operator.inputs), []
    for place, index in enumerate(operator.inputs):
        taken = graph.tensors[index]
        if not 2 <= len(taken.shape) < axes or taken.shape[0] != 1 or index not in calculated:
            continue
        given, reshape = copy.copy(taken), schema.OperatorT()
        given.name, given.buffer = taken.name + b"_widened", 0
        given.shape = [1] * (axes - len(taken.shape)) + [int(size) for size in taken.shape]
        graph.tensors.append(given)
        reshape.opcodeIndex = operator_code(model, schema.BuiltinOperator.RESHAPE)
        reshape.inputs = [index, sizes_tensor(model, given.name + b"_sizes", [_ANY, *given.shape[1:]])]
        reshape.outputs = [len(graph.tensors) - 2]
        operator.inputs = [*operator.inputs[:place], reshape.outputs[0], *operator.inputs[place + 1 :]]
        made.append(reshape)
    return made


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
