"""An integer TFLite file whose divisions calculate in float: the converter writes them in integers that no kernel has.

One tensor by another; a division by a constant is a multiplication for it.
"""

from typing import Any

from cnnedge.formats.tflite.ends import operator_code
from cnnedge.formats.tflite.writer import is_one_of, written_aligned


def with_float_divisions(content: bytes) -> bytes:
    """The same function with every DIV of codes between DEQUANTIZE and QUANTIZE."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph, kinds, operators = model.subgraphs[0], schema.BuiltinOperator, []
    coded = (schema.TensorType.INT8, schema.TensorType.INT16)
    for operator in graph.operators:
        if not is_one_of(model, operator, "DIV") or graph.tensors[operator.outputs[0]].type not in coded:
            operators.append(operator)
            continue
        taken, given = [int(index) for index in operator.inputs], int(operator.outputs[0])
        operator.inputs = [_in_float(graph, index) for index in taken]
        operator.outputs = [_in_float(graph, given)]
        for before, after in zip(taken, operator.inputs, strict=True):
            operators.append(_operator(model, kinds.DEQUANTIZE, before, after))
        operators += [operator, _operator(model, kinds.QUANTIZE, operator.outputs[0], given)]
    if len(operators) == len(graph.operators):
        return content
    graph.operators = operators
    return written_aligned(model)


def _in_float(graph: Any, index: int) -> int:
    """A new tensor for the values of another, which has codes."""
    from ai_edge_litert import schema_py_generated as schema

    codes, made = graph.tensors[index], schema.TensorT()
    made.shape, made.shapeSignature, made.name = codes.shape, codes.shapeSignature, codes.name + b"_float"
    made.type, made.buffer = schema.TensorType.FLOAT32, 0
    graph.tensors.append(made)
    return len(graph.tensors) - 1


def _operator(model: Any, kind: int, before: int, after: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = operator_code(model, kind), [before], [after]
    return made
