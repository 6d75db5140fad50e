"""A TFLite file whose dense layers take flat vectors, for tf2onnx.

The converter drops a Flatten of a 1 x 1 map, and FULLY_CONNECTED takes the map itself. tf2onnx 1.17 then puts a Reshape
before it and forgets the bias (``TflFullyConnectedOp`` replaces all inputs by two). With the Reshape in the file there
is nothing for it to put.
"""

from typing import Any

import numpy as np

FLAT = 2  # axes of what a dense layer takes: batch, features


def with_flat_inputs(content: bytes) -> bytes:
    """The same function with a RESHAPE before every FULLY_CONNECTED that takes more than two axes and keeps none."""
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    model = schema.ModelT.InitFromPackedBuf(content)
    graph, changed = model.subgraphs[0], False
    operators = []
    for operator in graph.operators:
        if _takes_a_map(model, graph, operator):
            operators.append(_reshape(model, graph, operator))
            changed = True
        operators.append(operator)
    if not changed:
        return content
    graph.operators = operators
    return written_aligned(model)


def _takes_a_map(model: Any, graph: Any, operator: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    if model.operatorCodes[operator.opcodeIndex].builtinCode != schema.BuiltinOperator.FULLY_CONNECTED:
        return False
    return len(graph.tensors[operator.inputs[0]].shape) != FLAT and not operator.builtinOptions.keepNumDims


def sizes_tensor(model: Any, name: bytes, sizes: list[int]) -> int:
    """Put a constant of int32 sizes into the main graph; its number."""
    from ai_edge_litert import schema_py_generated as schema

    tensor, buffer = schema.TensorT(), schema.BufferT()
    tensor.name, tensor.shape, tensor.type = name, [len(sizes)], schema.TensorType.INT32
    tensor.buffer = len(model.buffers)
    buffer.data = np.frombuffer(np.array(sizes, "<i4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _reshape(model: Any, graph: Any, dense: Any) -> Any:
    """The operator that flattens what ``dense`` takes, put before it."""
    import copy

    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.ends import operator_code

    source = graph.tensors[dense.inputs[0]]
    features = graph.tensors[dense.inputs[1]].shape[1]
    flat = copy.copy(source)
    flat.name, flat.shape, flat.shapeSignature, flat.buffer = source.name + b"_flat", [1, features], None, 0
    reshape = schema.OperatorT()
    reshape.opcodeIndex = operator_code(model, schema.BuiltinOperator.RESHAPE)
    reshape.inputs = [dense.inputs[0], sizes_tensor(model, source.name + b"_flat_size", flat.shape)]
    reshape.outputs = [len(graph.tensors)]
    graph.tensors.append(flat)
    dense.inputs = [reshape.outputs[0], *dense.inputs[1:]]
    return reshape
