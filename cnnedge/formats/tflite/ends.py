"""The types at both ends of an int8 TFLite file."""

import copy

from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.writer import written_aligned

_UNSIGNED_BY = 128  # what a zero point moves by from int8 to uint8


def with_ends(content: bytes, io: str, image: str, scores: str) -> bytes:
    """The same int8 file with input and output of type ``io``: uint8, int8 or float32, named ``image`` and ``scores``.

    One operator at each end converts: QUANTIZE between integers, exactly, and from float; DEQUANTIZE to float.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    first, last = graph.inputs[0], graph.outputs[0]
    if io != "int8":
        graph.inputs, graph.outputs = [_outer(graph, first, io)], [_outer(graph, last, io)]
        operators = schema.BuiltinOperator
        leaving = operators.DEQUANTIZE if io == "float32" else operators.QUANTIZE
        enter = _operator(model, operators.QUANTIZE, graph.inputs[0], first)
        graph.operators = [enter, *graph.operators, _operator(model, leaving, last, graph.outputs[0])]
        _follow_signatures(model, {first: graph.inputs[0], last: graph.outputs[0]})
    graph.tensors[graph.inputs[0]].name, graph.tensors[graph.outputs[0]].name = image.encode(), scores.encode()
    return written_aligned(model)


def _outer(graph: schema.SubGraphT, inner: int, io: str) -> int:
    """A tensor like ``inner``, of another type; its index."""
    tensor = copy.deepcopy(graph.tensors[inner])
    graph.tensors[inner].name += b"_int8"
    tensor.buffer = 0
    if io == "uint8":
        tensor.type = schema.TensorType.UINT8
        tensor.quantization.zeroPoint = [point + _UNSIGNED_BY for point in tensor.quantization.zeroPoint]
    else:
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: schema.ModelT, builtin: int, source: int, target: int) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex = operator_code(model, builtin)
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _follow_signatures(model: schema.ModelT, moved: dict[int, int]) -> None:
    for signature in model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = moved.get(end.tensorIndex, end.tensorIndex)


def operator_code(model: schema.ModelT, builtin: int) -> int:
    """The index of an operator's code, added if the file has none."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
