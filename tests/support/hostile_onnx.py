"""ONNX files with one or two hostile operators each: small valid graphs of common ones, some fields at an edge.

``hostile(seed)`` gives the same bytes for the same seed. Operators of the public schema without a template here get
random inputs and every attribute that the schema gives them. Of two operators the second reads what the first writes.
"""

import contextlib
import math
import random
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, TensorProto, ValueInfoProto, defs, helper, numpy_helper

INTEGERS = (0, 1, 2, 3, 4, -1, -2, 7, 64, 255, 4096, 65_536, 2**31 - 1, -(2**31), 2**62, -(2**63))
FLOATS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 1e9, math.inf, math.nan)
SHAPES = (
    [], [1], [4], [1, 4], [1, 3, 4, 4], [1, 4, 4, 3], [3], [1, 1, 1, 3], [2, 3, 4, 4], [1, 0, 4, 4], [1] * 5, [1] * 7,
    [65_536, 65_536], [1, 64, 1000, 1000], [48], [5, 3, 3, 3], [1, 48],
)  # fmt: skip
IMAGE = [1, 3, 4, 4]
KERNEL = np.ones((5, 3, 3, 3), np.float32)
_KINDS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}


class Node:
    """A valid one: ``inputs`` are shapes of data, or arrays for constants."""

    def __init__(self, *inputs: Any, outputs: int = 1, dtype: str = "float32", **attributes: Any) -> None:
        self.inputs, self.outputs, self.dtype, self.attributes = inputs, outputs, dtype, attributes


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


_SCALE, _ZERO, _ONES = np.float32(0.5), np.uint8(128), np.ones(3, np.float32)
_SIGNED = (KERNEL.astype(np.int8), _SCALE, np.int8(0))
_UNARY, _BINARY = Node(IMAGE), Node(IMAGE, IMAGE)
TEMPLATES: dict[str, Node] = {
    "Conv": Node(IMAGE, KERNEL, np.ones(5, np.float32), kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1], group=1,
                 dilations=[1, 1]),
    "ConvTranspose": Node([1, 5, 4, 4], KERNEL, strides=[2, 2], pads=[0] * 4, output_padding=[0, 0], group=1),
    "QLinearConv": Node(IMAGE, _SCALE, _ZERO, *_SIGNED, _SCALE, _ZERO, dtype="uint8", kernel_shape=[3, 3], group=1),
    "ConvInteger": Node(IMAGE, KERNEL.astype(np.int8), _ZERO, dtype="uint8", pads=[1] * 4),
    "Gemm": Node([1, 48], np.ones((48, 5), np.float32), np.ones(5, np.float32), alpha=1.0, beta=1.0, transB=0),
    "MatMul": Node([1, 48], np.ones((48, 5), np.float32)),
    "QLinearMatMul": Node([1, 48], _SCALE, _ZERO, np.ones((48, 5), np.int8), _SCALE, np.int8(0), _SCALE, _ZERO,
                          dtype="uint8"),
    "MatMulInteger": Node([1, 48], np.ones((48, 5), np.int8), dtype="uint8"),
    "Einsum": Node([1, 48], np.ones((48, 5), np.float32), equation="ij,jk->ik"),
    **dict.fromkeys(["MaxPool", "AveragePool", "LpPool"], Node(IMAGE, kernel_shape=[2, 2], strides=[1, 1], pads=[0] * 4,
                                                               ceil_mode=0)),
    **dict.fromkeys(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Mod"], _BINARY),
    **dict.fromkeys(["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"], _BINARY),
    "PRelu": Node(IMAGE, np.ones((3, 1, 1), np.float32)), "Clip": Node(IMAGE, np.float32(0), np.float32(6)),
    "BatchNormalization": Node(IMAGE, _ONES, _ONES, _ONES, _ONES, epsilon=1e-5),
    "InstanceNormalization": Node(IMAGE, _ONES, _ONES, epsilon=1e-5),
    "LayerNormalization": Node(IMAGE, np.ones(4, np.float32), np.ones(4, np.float32), axis=-1),
    "LRN": Node(IMAGE, size=3, alpha=1e-4, beta=0.75, bias=1.0),
    **dict.fromkeys(["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"],
                    Node(IMAGE, axes=[2, 3], keepdims=0)),
    "ReduceSum": Node(IMAGE, _ints(2, 3), keepdims=0),
    "ArgMax": Node(IMAGE, axis=1, keepdims=0), "TopK": Node(IMAGE, _ints(2), outputs=2, axis=1),
    "Softmax": Node([1, 5], axis=1), "LogSoftmax": Node([1, 5], axis=1), "Cast": Node(IMAGE, to=7),
    "QuantizeLinear": Node(IMAGE, _SCALE, _ZERO, axis=1),
    "DequantizeLinear": Node(IMAGE, _SCALE, _ZERO, axis=1, dtype="uint8"),
    "DynamicQuantizeLinear": Node(IMAGE, outputs=3),
    "Reshape": Node(IMAGE, _ints(1, -1), allowzero=0), "Flatten": Node(IMAGE, axis=1),
    "Squeeze": Node([1, 3, 1, 1], _ints(2, 3)), "Unsqueeze": Node([1, 3], _ints(2)),
    "Transpose": Node(IMAGE, perm=[0, 2, 3, 1]), "Concat": Node(IMAGE, IMAGE, axis=1),
    "Split": Node(IMAGE, _ints(1, 2), outputs=2, axis=1),
    "Slice": Node(IMAGE, _ints(0, 1), _ints(2, 3), _ints(2, 3), _ints(1, 1)),
    "Gather": Node(IMAGE, _ints(0, 2), axis=1), "GatherND": Node(IMAGE, _ints(0, 2).reshape(1, 2), batch_dims=0),
    "GatherElements": Node([3], _ints(0, 2), axis=0), "Expand": Node([3, 1], _ints(3, 4)),
    "Tile": Node(IMAGE, _ints(1, 1, 2, 2)), "Pad": Node(IMAGE, _ints(0, 0, 1, 1, 0, 0, 1, 1), np.float32(0)),
    "DepthToSpace": Node([1, 4, 4, 4], blocksize=2), "SpaceToDepth": Node(IMAGE, blocksize=2),
    "Resize": Node(IMAGE, np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32), mode="nearest"),
    "ConstantOfShape": Node(_ints(2, 3)), "Range": Node(np.float32(0), np.float32(9), np.float32(1)),
    "OneHot": Node(_ints(0, 2), _ints(3), np.array([0, 1], np.float32), axis=-1),
    "Where": Node(np.array([True]), IMAGE, IMAGE),
}  # fmt: skip
_SCHEMAS = {schema.name: schema for schema in defs.get_all_schemas() if schema.domain == ""}


# Of all files, those of two operators.
PAIRS = 0.4


def hostile(seed: int) -> bytes:
    """A file of one or two operators with up to three of their fields at an edge."""
    chance = random.Random(seed)
    while True:
        with contextlib.suppress(TypeError, ValueError, NotImplementedError):  # nothing that onnx can write
            graph = _Graph()
            graph.add(chance)
            if chance.random() < PAIRS:
                graph.add(chance)
            return graph.content(chance)


def _name(chance: random.Random) -> str:
    return chance.choice(sorted(TEMPLATES) if chance.random() < 0.7 else sorted(_SCHEMAS))


def _changed_node(chance: random.Random, name: str) -> Node:
    node = TEMPLATES.get(name) or _guessed(chance, _SCHEMAS[name])
    inputs, attributes = list(node.inputs), dict(node.attributes)
    dtype, outputs = node.dtype, node.outputs
    for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3])):
        kind = chance.choice(["attribute", "attribute", "shape", "constant", "wiring", "type"])
        if kind == "attribute":
            _attribute(chance, attributes, _SCHEMAS[name])
        elif kind == "type":
            dtype = chance.choice(sorted(_KINDS))
        elif kind == "wiring":
            outputs, inputs = _rewired(chance, outputs, inputs)
        elif inputs:
            _changed(chance, inputs)
    return Node(*inputs, outputs=outputs, dtype=dtype, **attributes)


def _guessed(chance: random.Random, schema: defs.OpSchema) -> Node:
    inputs = [chance.choice(SHAPES[:8]) for _ in range(min(schema.min_input + chance.choice([0, 0, 1]), 8))]
    return Node(*inputs, outputs=max(1, min(schema.min_output, 4)))


def _attribute(chance: random.Random, attributes: dict[str, Any], schema: defs.OpSchema) -> None:
    if not schema.attributes:
        return
    name = chance.choice(sorted(schema.attributes))
    kind = schema.attributes[name].type.name
    if kind == "INT":
        attributes[name] = chance.choice(INTEGERS)
    elif kind == "FLOAT":
        attributes[name] = chance.choice(FLOATS)
    elif kind == "INTS":
        before = attributes.get(name)
        numbers = list(before) if isinstance(before, list) else [1] * chance.choice([0, 1, 2, 4, 9])
        if numbers:
            numbers[chance.randrange(len(numbers))] = chance.choice(INTEGERS)
        attributes[name] = numbers + [1] * chance.choice([0, 0, 1])
    elif kind == "FLOATS":
        attributes[name] = [chance.choice(FLOATS) for _ in range(chance.choice([1, 2, 4]))]
    elif kind == "STRING":
        attributes[name] = chance.choice(["", "SAME_UPPER", "VALID", "linear", "nearest", "cubic", "wrap", "x" * 300])


def _changed(chance: random.Random, inputs: list[Any]) -> None:
    place = chance.randrange(len(inputs))
    made = inputs[place]
    if isinstance(made, list):
        inputs[place] = chance.choice(SHAPES)
    elif chance.random() < 0.3:
        inputs[place] = np.resize(made, list(chance.choice(SHAPES[:10]))) if np.size(made) else made
    elif np.size(made):
        values = np.array(made)
        edges = FLOATS if np.issubdtype(values.dtype, np.floating) else INTEGERS
        with np.errstate(all="ignore"):
            values.flat[chance.randrange(values.size)] = np.array(chance.choice(edges)).astype(values.dtype)
        inputs[place] = values


def _rewired(chance: random.Random, outputs: int, inputs: list[Any]) -> tuple[int, list[Any]]:
    kind = chance.choice(["drop", "missing", "more", "outputs", "swap"])
    inputs = list(inputs)
    if kind == "drop" and inputs:
        inputs.pop()
    elif kind == "missing" and inputs:
        inputs[chance.randrange(len(inputs))] = None
    elif kind == "more":
        inputs.append(chance.choice(SHAPES))
    elif kind == "swap":
        chance.shuffle(inputs)
    return (chance.choice([0, 1, 2, 5, 300]), inputs) if kind == "outputs" else (outputs, inputs)


class _Graph:
    """Operators in a row, with the constants that they read and the data that nobody writes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.values: list[ValueInfoProto] = []
        self.dtype = "float32"

    def add(self, chance: random.Random) -> None:
        """One more, whose first data is what the one before wrote first."""
        name = _name(chance)
        made = _changed_node(chance, name)
        before = next((output for node in self.nodes for output in node.output), None)
        read = next((place for place, wanted in enumerate(made.inputs) if isinstance(wanted, list)), None)
        mark = f"n{len(self.nodes)}"
        inputs = [
            before if before and place == read else self._input(f"{mark}i{place}", wanted, made.dtype)
            for place, wanted in enumerate(made.inputs)
        ]
        node = helper.make_node(name, inputs, [f"{mark}o{number}" for number in range(made.outputs)])
        node.attribute.extend(_made_attribute(key, value) for key, value in made.attributes.items())
        self.nodes.append(node)
        self.dtype = made.dtype

    def _input(self, name: str, wanted: Any, dtype: str) -> str:
        if wanted is None:
            return ""
        if isinstance(wanted, list):
            self.values.append(helper.make_tensor_value_info(name, _KINDS[dtype], wanted))
        else:
            self.constants.append(numpy_helper.from_array(np.asarray(wanted), name))
        return name

    def content(self, chance: random.Random) -> bytes:
        kind = chance.choice([TensorProto.FLOAT, _KINDS[self.dtype]])
        ends = [helper.make_tensor_value_info(output, kind, None) for output in self.nodes[-1].output[:1]]
        graph = helper.make_graph(self.nodes, "g", self.values, ends, self.constants)
        version = chance.choice([11, 13, 13, 17, 17, 18, 21])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
        model.ir_version = 8
        return model.SerializeToString()


def _made_attribute(key: str, value: Any) -> AttributeProto:
    if isinstance(value, list) and not value:
        return AttributeProto(name=key, type=AttributeProto.INTS)
    return helper.make_attribute(key, value)
