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


def _reshape(model: Any, graph: Any, dense: Any) -> Any:
    """The operator that flattens what ``dense`` takes, put before it."""
    import copy

    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.ends import operator_code

    source = graph.tensors[dense.inputs[0]]
    features = graph.tensors[dense.inputs[1]].shape[1]
    flat = copy.copy(source)
    flat.name, flat.shape, flat.shapeSignature, flat.buffer = source.name + b"_flat", [1, features], None, 0
    size = schema.TensorT()
    size.name, size.shape, size.type = source.name + b"_flat_size", [2], schema.TensorType.INT32
    size.buffer = len(model.buffers)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.array([1, features], "<i4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    reshape = schema.OperatorT()
    reshape.opcodeIndex = operator_code(model, schema.BuiltinOperator.RESHAPE)
    reshape.inputs = [dense.inputs[0], len(graph.tensors) + 1]
    reshape.outputs = [len(graph.tensors)]
    graph.tensors += [flat, size]
    dense.inputs = [reshape.outputs[0], *dense.inputs[1:]]
    return reshape
