"""Small valid TFLite graphs of one operator each, for the tests that change them.

Operators without a template here are those that the check knows no rule for: they are made of random tensors, and must
be refused by name.
"""

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.operators import RULES
from cnnedge.formats.tflite.vocabulary import BUILTIN_OPERATORS

IMAGE = [1, 4, 4, 3]
TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}


class Operator:
    """A valid one: ``inputs`` are shapes of data, or arrays for constants; ``options`` by their names in the schema."""

    def __init__(self, inputs: list[Any], output: list[int] | list[list[int]], out: str = "", **options: Any) -> None:
        self.inputs, self.options, self.out = inputs, options, out
        self.outputs = output if output and isinstance(output[0], list) else [output]


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


_WINDOW = {"padding": 0, "strideW": 1, "strideH": 1}
_POOL = Operator([IMAGE], IMAGE, **_WINDOW, filterWidth=2, filterHeight=2)
_SAME, _PAIR = Operator([IMAGE], IMAGE), Operator([IMAGE, IMAGE], IMAGE)
_REDUCED = Operator([IMAGE, _ints(1, 2)], [1, 3])
_PADDED = _ints(0, 0, 1, 1, 1, 1, 0, 0).reshape(4, 2)
TEMPLATES: dict[str, Operator] = {
    "CONV_2D": Operator([IMAGE, "w 5 3 3 3", "b 5"], [1, 4, 4, 5], **_WINDOW, dilationWFactor=1, dilationHFactor=1),
    "DEPTHWISE_CONV_2D": Operator(
        [IMAGE, "w 1 3 3 3", "b 3"], IMAGE, **_WINDOW, depthMultiplier=1, dilationWFactor=1, dilationHFactor=1
    ),
    "TRANSPOSE_CONV": Operator(
        [_ints(1, 8, 8, 5), "w 5 3 3 3", IMAGE], [1, 8, 8, 5], padding=0, strideW=2, strideH=2
    ),
    "FULLY_CONNECTED": Operator([[1, 48], "w 5 48", "b 5"], [1, 5]),
    "BATCH_MATMUL": Operator([[1, 4, 3], [1, 3, 5]], [1, 4, 5]),
    "AVERAGE_POOL_2D": _POOL, "MAX_POOL_2D": _POOL, "L2_POOL_2D": _POOL,
    **dict.fromkeys(["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"], _REDUCED),
    **dict.fromkeys(
        ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW"], _PAIR
    ),
    "PRELU": Operator([IMAGE, "w 1 1 3"], IMAGE),
    "SOFTMAX": Operator([[1, 5]], [1, 5], beta=1.0),
    "LEAKY_RELU": Operator([IMAGE], IMAGE, alpha=0.1),
    "LOCAL_RESPONSE_NORMALIZATION": Operator([IMAGE], IMAGE, radius=2, bias=1.0, alpha=1.0, beta=0.5),
    "RESHAPE": Operator([IMAGE, _ints(1, 48)], [1, 48], newShape=[1, 48]),
    "SQUEEZE": Operator([[1, 1, 1, 3]], [1, 3], squeezeDims=[1, 2]),
    "EXPAND_DIMS": Operator([[1, 3], _ints(1)], [1, 1, 3]),
    "TRANSPOSE": Operator([IMAGE, _ints(0, 3, 1, 2)], [1, 3, 4, 4]),
    "SHAPE": Operator([IMAGE], [4], out="int32", outType=2),
    "CONCATENATION": Operator([IMAGE, IMAGE], [1, 4, 4, 6], axis=3),
    "PACK": Operator([[4, 3], [4, 3]], [2, 4, 3], valuesCount=2, axis=0),
    "UNPACK": Operator([[2, 4, 3]], [[4, 3], [4, 3]], num=2, axis=0),
    "SPLIT": Operator([_ints(3), [1, 4, 4, 6]], [IMAGE, IMAGE], numSplits=2),
    "SPLIT_V": Operator([[1, 4, 4, 6], _ints(3, 3), _ints(3)], [IMAGE, IMAGE], numSplits=2),
    "SLICE": Operator([IMAGE, _ints(0, 1, 1, 0), _ints(1, 2, 2, 3)], [1, 2, 2, 3]),
    "STRIDED_SLICE": Operator([IMAGE, _ints(0, 0, 0, 0), _ints(1, 4, 4, 3), _ints(1, 2, 2, 1)], [1, 2, 2, 3]),
    "GATHER": Operator([IMAGE, _ints(2, 0)], [1, 4, 4, 2], axis=3),
    "PAD": Operator([IMAGE, _PADDED], [1, 6, 6, 3]),
    "PADV2": Operator([IMAGE, _PADDED, "w 1"], [1, 6, 6, 3]),
    "MIRROR_PAD": Operator([IMAGE, _PADDED], [1, 6, 6, 3]),
    "RESIZE_BILINEAR": Operator([IMAGE, _ints(8, 8)], [1, 8, 8, 3]),
    "RESIZE_NEAREST_NEIGHBOR": Operator([IMAGE, _ints(8, 8)], [1, 8, 8, 3]),
    "REVERSE_V2": Operator([IMAGE, _ints(2)], IMAGE),
    "TILE": Operator([IMAGE, _ints(1, 2, 1, 3)], [1, 8, 4, 9]),
    "SPACE_TO_DEPTH": Operator([IMAGE], [1, 2, 2, 12], blockSize=2),
    "DEPTH_TO_SPACE": Operator([[1, 4, 4, 4]], [1, 8, 8, 1], blockSize=2),
    "ARG_MAX": Operator([[1, 5], _ints(1)], [1], out="int64", outputType=4),
    **dict.fromkeys(
        ["LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"],
        Operator([IMAGE, IMAGE], IMAGE, out="bool"),
    ),
    **dict.fromkeys(["SELECT", "SELECT_V2"], Operator(["condition 1 4 4 3", IMAGE, IMAGE], IMAGE)),
}  # fmt: skip


def sound(name: str, dtype: str = "float32") -> schema.ModelT:
    """A valid file of one operator, to be changed and packed."""
    return _Maker(name, TEMPLATES.get(name, _SAME), dtype).model()


def data_shape(name: str) -> list[int]:
    """Of the first input that is no constant."""
    return next(made for made in TEMPLATES.get(name, _SAME).inputs if isinstance(made, list))


def output_shape(name: str) -> list[int]:
    return TEMPLATES.get(name, _SAME).outputs[0]


def joined(first: schema.ModelT, second: schema.ModelT) -> schema.ModelT:
    """Both operators in one file: the second reads what the first writes, not its own first input."""
    graph, behind = first.subgraphs[0], second.subgraphs[0]
    operator, tensors, buffers = behind.operators[0], len(graph.tensors), len(first.buffers)
    for tensor in behind.tensors:
        tensor.name = b"u" + tensor.name
        tensor.buffer = tensor.buffer and tensor.buffer + buffers - 1
    own, written = int(behind.inputs[0]), int(graph.outputs[0])
    operator.inputs = np.array([written if i == own else i + tensors for i in operator.inputs], np.int32)
    operator.outputs, operator.opcodeIndex = operator.outputs + tensors, 1
    graph.tensors, graph.operators = graph.tensors + behind.tensors, [*graph.operators, operator]
    graph.inputs = np.concatenate([graph.inputs, behind.inputs[1:] + tensors]).astype(np.int32)
    graph.outputs = operator.outputs
    first.operatorCodes.append(second.operatorCodes[0])
    first.buffers += second.buffers[1:]
    return first


class _Maker:
    def __init__(self, name: str, template: Operator, dtype: str) -> None:
        self.name, self.template, self.dtype = name, template, dtype
        self.tensors: list[Any] = []
        self.buffers = [schema.BufferT()]

    def model(self) -> schema.ModelT:
        inputs = [self._input(made) for made in self.template.inputs]
        if self.name == "QUANTIZE":
            self.tensors[inputs[0]].type, self.tensors[inputs[0]].quantization = 0, None
        outputs = [self._tensor(shape, self.template.out or self.dtype) for shape in self.template.outputs]
        if self.name == "DEQUANTIZE":
            self.tensors[outputs[0]].type, self.tensors[outputs[0]].quantization = 0, None
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        self._set_options(operator)
        code, graph, model = schema.OperatorCodeT(), schema.SubGraphT(), schema.ModelT()
        code.builtinCode = BUILTIN_OPERATORS.index(self.name)
        code.deprecatedBuiltinCode, code.version = min(127, code.builtinCode), 1
        graph.tensors, graph.operators = self.tensors, [operator]
        graph.inputs = np.array([i for i in inputs if not self.tensors[i].buffer], np.int32)
        graph.outputs = operator.outputs
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], self.buffers
        return model

    def _set_options(self, operator: schema.OperatorT) -> None:
        number = RULES[self.name].options if self.name in RULES else 0
        if not number:
            return
        kind = next(name for name, value in vars(schema.BuiltinOptions).items() if value == number)
        operator.builtinOptionsType, operator.builtinOptions = number, getattr(schema, f"{kind}T")()
        for option, value in self.template.options.items():
            setattr(operator.builtinOptions, option, value)

    def _input(self, made: Any) -> int:
        if isinstance(made, np.ndarray):
            return self._tensor(list(made.shape), "int32", made)
        if not isinstance(made, str):
            return self._tensor(made, self.dtype)
        kind, *sizes = made.split()
        shape = [int(size) for size in sizes]
        if kind == "condition":
            return self._tensor(shape, "bool")
        dtype = {"int8": "int32", "uint8": "int32", "int16": "int64"}.get(self.dtype, self.dtype) if kind == "b" else (
            "int8" if self.dtype == "int16" and len(shape) > 1 else self.dtype)  # fmt: skip
        values = np.arange(math.prod(shape)).reshape(shape) % 7
        return self._tensor(shape, dtype, values.astype(dtype))

    def _tensor(self, shape: list[int], dtype: str, values: np.ndarray | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = b"t%d" % len(self.tensors), shape, TYPES[dtype], 0
        if dtype in ("int8", "uint8", "int16"):
            tensor.quantization = scaled(0.5, 128 if dtype == "uint8" else 0)
        if values is not None:
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer_of(values))
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def buffer_of(values: np.ndarray) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def scaled(*numbers: float) -> schema.QuantizationParametersT:
    found = schema.QuantizationParametersT()
    found.scale, found.zeroPoint = np.array(numbers[:1], np.float32), np.array(numbers[1:], np.int64)
    return found
