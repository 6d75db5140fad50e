"""An int16x8 TFLite file that chooses between codes of one scale.

The converter leaves the sides of ``where(x > 0, x, x / 10)`` the scales that they have, and the kernel copies codes: a
tenth of x, whose scale is a tenth, came out as x.
"""

from cnnedge.formats.tflite.ends import operator_code
from cnnedge.formats.tflite.writer import is_one_of, written_aligned


def with_equal_sides(content: bytes) -> bytes:
    """The same file; a QUANTIZE stands before each side of a SELECT that has another scale than what comes out."""
    import copy

    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph, operators = model.subgraphs[0], []
    for operator in graph.operators:
        given = graph.tensors[operator.outputs[0]]
        for place in (1, 2) if is_one_of(model, operator, "SELECT", "SELECT_V2") else ():
            index = int(operator.inputs[place])
            taken = graph.tensors[index]
            if taken.type != schema.TensorType.INT16 or taken.quantization.scale[0] == given.quantization.scale[0]:
                continue
            fitted, quantize = copy.copy(taken), schema.OperatorT()
            fitted.name, fitted.quantization, fitted.buffer = taken.name + b"_fitted", given.quantization, 0
            quantize.opcodeIndex = operator_code(model, schema.BuiltinOperator.QUANTIZE)
            quantize.inputs, quantize.outputs = [index], [len(graph.tensors)]
            operator.inputs = [*operator.inputs[:place], len(graph.tensors), *operator.inputs[place + 1 :]]
            graph.tensors.append(fitted)
            operators.append(quantize)
        operators.append(operator)
    if len(operators) == len(graph.operators):
        return content
    graph.operators = operators
    return written_aligned(model)
