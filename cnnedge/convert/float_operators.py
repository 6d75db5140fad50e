"""An integer TFLite file in which single operators calculate in float: the converter writes codes that no kernel has.

A division of one tensor by another, in 8 and 16 bits; a division by a constant is a multiplication for the converter.
In 16 bits a squared difference (a variance), and a padding with a value other than 0, which stays a float beside codes.
"""

from typing import Any

from cnnedge.formats.tflite.ends import operator_code
from cnnedge.formats.tflite.writer import is_one_of, written_aligned

# By the type of what comes out, in the schema's words.
_WITHOUT_KERNEL = {"INT8": ("DIV",), "INT16": ("DIV", "SQUARED_DIFFERENCE", "PADV2")}


def with_float_operators(content: bytes) -> bytes:
    """The same function with every operator on codes that has no kernel for them between DEQUANTIZE and QUANTIZE."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph, kinds, operators = model.subgraphs[0], schema.BuiltinOperator, []
    without = {getattr(schema.TensorType, kind): names for kind, names in _WITHOUT_KERNEL.items()}
    for operator in graph.operators:
        if not is_one_of(model, operator, *without.get(graph.tensors[operator.outputs[0]].type, ())):
            operators.append(operator)
            continue
        taken, given = [int(index) for index in operator.inputs], int(operator.outputs[0])
        # The sizes of a padding are whole numbers, and its value may be a float already.
        operator.inputs = [
            _in_float(graph, index) if graph.tensors[index].type in without else index for index in taken
        ]
        operator.outputs = [_in_float(graph, given)]
        for before, after in zip(taken, operator.inputs, strict=True):
            if before != after:
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
