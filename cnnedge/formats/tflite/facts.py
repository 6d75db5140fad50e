"""The facts of a TFLite file."""

import math

from cnnedge.formats.facts import COMPUTE, Facts, OperatorFacts, TensorFacts
from cnnedge.formats.tflite.reader import Operator, Subgraph, Tensor, TFLiteModel
from cnnedge.formats.tflite.vocabulary import CUSTOM

_ITEM_BYTES = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "float16": 2, "int32": 4, "float32": 4, "int64": 8}
_FLOATS = {"float32", "float16", "float64", "bfloat16"}
_CONVERTING = {"QUANTIZE", "DEQUANTIZE", "CAST"}
_RESHAPING = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
_MOVING = {
    "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "CONCATENATION", "PACK", "UNPACK", "SPLIT",
    "SPLIT_V", "SLICE", "STRIDED_SLICE", "GATHER", "PAD", "PADV2", "MIRROR_PAD", "SHAPE",
    "SPACE_TO_DEPTH", "DEPTH_TO_SPACE",
}  # fmt: skip
# Operators that LiteRT's GPU delegate takes, by its own list (tensorflow/lite/tools/versioning/gpu_compatibility.cc).
_ON_GPU = {
    "ABS", "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CAST", "CONCATENATION", "CONV_2D", "COS", "CUMSUM",
    "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "FLOOR",
    "FLOOR_DIV", "FLOOR_MOD", "FULLY_CONNECTED", "GATHER", "GELU", "GREATER", "GREATER_EQUAL",
    "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGISTIC", "LSTM", "MAXIMUM",
    "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "ONE_HOT", "PACK", "PAD",
    "PADV2", "POW", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RELU", "RELU6",
    "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SELECT",
    "SELECT_V2", "SIGN", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT",
    "SQUARE", "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE", "TRANSPOSE",
    "TRANSPOSE_CONV",
}  # fmt: skip


def tflite_facts(model: TFLiteModel) -> Facts:
    """The facts of a TFLite file, of any tool."""
    graph = model.subgraphs[0] if model.subgraphs else Subgraph((), (), (), ())
    inputs, outputs = ([graph.tensors[index] for index in ends] for ends in (graph.inputs, graph.outputs))
    operators = [operator for subgraph in model.subgraphs for operator in _operators(subgraph, model)]
    free = [tensor for tensor in graph.tensors if -1 in tensor.signature[1:]]
    return Facts(
        inputs=[_edge(tensor) for tensor in inputs],
        outputs=[_edge(tensor) for tensor in outputs],
        operators=operators,
        weight_bytes=_weight_bytes(model),
        free_batch=any(tensor.signature[:1] == (-1,) for tensor in inputs),
        free_sizes=[tensor.name for tensor in free],
        gpu_concerns=_gpu_concerns(graph, operators, free),
        output_operator=_output_operator(graph),
    )


def _output_operator(graph: Subgraph) -> str | None:
    makers = {output: operator for operator in graph.operators for output in operator.outputs}
    place = graph.outputs[0] if graph.outputs else -1
    for _ in graph.operators:  # at most as many steps: a damaged graph may go round in circles
        if place not in makers or makers[place].name not in _CONVERTING | _RESHAPING or not makers[place].inputs:
            break
        place = makers[place].inputs[0]
    return makers[place].name if place in makers else None


def _edge(tensor: Tensor) -> TensorFacts:
    quantization = tensor.quantization
    return TensorFacts(
        name=tensor.name,
        shape=tuple(None if size < 0 else size for size in tensor.signature),
        dtype=tensor.dtype,
        scale=quantization.scale[0] if quantization and quantization.scale else 0.0,
        zero_point=quantization.zero_point[0] if quantization and quantization.zero_point else 0,
    )


def _operators(graph: Subgraph, model: TFLiteModel) -> list[OperatorFacts]:
    # A float16 file unpacks its weights with DEQUANTIZE: what is stored is that operator's input.
    unpacked = {
        operator.outputs[0]: graph.tensors[operator.inputs[0]]
        for operator in graph.operators
        if operator.name == "DEQUANTIZE" and operator.inputs and operator.outputs and operator.inputs[0] >= 0
        and model.buffers[graph.tensors[operator.inputs[0]].buffer][1]
    }  # fmt: skip
    return [_operator(operator, graph, model, unpacked) for operator in graph.operators]


def _operator(operator: Operator, graph: Subgraph, model: TFLiteModel, unpacked: dict[int, Tensor]) -> OperatorFacts:
    inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
    outputs = [graph.tensors[index] for index in operator.outputs]
    flowing = [tensor for tensor in inputs if not model.buffers[tensor.buffer][1]] + outputs
    constants = [unpacked.get(index, graph.tensors[index]) for index in operator.inputs if index >= 0]
    weights = None
    if operator.name in COMPUTE and len(inputs) > 1:
        weights = unpacked.get(operator.inputs[1], inputs[1]).dtype
    return OperatorFacts(
        op=operator.name,
        where=outputs[0].name if outputs else "",
        arithmetic=_arithmetic(operator.name, {tensor.dtype for tensor in flowing}),
        weights=weights,
        macs=_macs(operator.name, [tensor.shape for tensor in inputs], outputs[0].shape if outputs else ()),
        origin="builtin" if operator.builtin != CUSTOM else _custom_kind(operator.name),
        values=sum(math.prod(tensor.shape) for tensor in outputs),
        activation_bytes=_bytes([tensor for tensor in constants if not model.buffers[tensor.buffer][1]] + outputs),
        weight_bytes=sum(model.buffers[tensor.buffer][1] for tensor in constants),
    )


def _bytes(tensors: list[Tensor]) -> int | None:
    sizes = [_ITEM_BYTES.get(tensor.dtype) for tensor in tensors]
    if None in sizes:
        return None
    return sum(math.prod(tensor.shape) * (size or 0) for tensor, size in zip(tensors, sizes, strict=True))


def _custom_kind(name: str) -> str:
    return "flex" if name.startswith("Flex") else "custom"


def _arithmetic(name: str, dtypes: set[str]) -> str:
    if name in _CONVERTING or (name in _MOVING and not dtypes & _FLOATS):
        return "none"
    if dtypes & _FLOATS:
        return "float"
    if "int16" in dtypes:
        return "int16"
    return "int8" if dtypes & {"int8", "uint8"} else "none"


def _macs(name: str, inputs: list[tuple[int, ...]], output: tuple[int, ...]) -> int | None:
    """Multiplications for the shapes that the file declares (a free batch counts as 1)."""
    if name not in COMPUTE:
        return 0
    if len(inputs) < 2 or not all(inputs[:2]):
        return None
    weights = inputs[1]
    if name == "DEPTHWISE_CONV_2D":  # 1HWO: every output value takes one window of one channel
        return math.prod(output) * math.prod(weights[1:3])
    if name == "TRANSPOSE_CONV":  # OHWI: every input value is spread over one window of every output channel
        return math.prod(inputs[2]) * math.prod(weights[:3]) if len(inputs) > 2 else None
    if name == "BATCH_MATMUL":
        return math.prod(output) * inputs[0][-1]
    if name in (
        "CONV_2D",
        "FULLY_CONNECTED",
    ):  # OHWI, OI: every output value takes the weights of its channel
        return math.prod(output) * math.prod(weights[1:])
    return None


def _weight_bytes(model: TFLiteModel) -> dict[str, int]:
    """Bytes of constants by type; a buffer that several tensors share counts once."""
    types = {
        tensor.buffer: tensor.dtype
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.buffers[tensor.buffer][1]
    }
    sums: dict[str, int] = {}
    for buffer, dtype in types.items():
        sums[dtype] = sums.get(dtype, 0) + model.buffers[buffer][1]
    return sums


def _gpu_concerns(graph: Subgraph, operators: list[OperatorFacts], free: list[Tensor]) -> list[str]:
    """What LiteRT's GPU delegate would leave to the CPU, or refuse."""
    missing = sorted({operator.op for operator in operators} - _ON_GPU)
    concerns = [f"{name} has no GPU kernel" for name in missing]
    concerns += [f"{tensor.name} has a size known only at run time" for tensor in free]
    wide = [tensor.name for tensor in graph.tensors if tensor.dtype == "int16"]
    if wide:
        concerns.append(f"{len(wide)} tensors are int16, and the GPU takes float or 8 bits")
    too_deep = [tensor.name for tensor in graph.tensors if len(tensor.shape) > 4]
    if too_deep:
        concerns.append(f"{too_deep[0]} has more than 4 sizes")
    return concerns
