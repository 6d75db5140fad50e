"""TFLite files with one or two hostile operators each: small valid graphs, some of their fields at an edge.

``hostile(seed)`` gives the same bytes for the same seed. Of two operators the second reads what the first writes: what
is wrong with the first then reaches a kernel as its input.
"""

import contextlib
import math
import random
import struct

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.operators import RULES
from cnnedge.formats.tflite.vocabulary import BUILTIN_OPERATORS
from tests.support.tflite_objects import packed
from tests.support.tflite_templates import TYPES, buffer_of, data_shape, joined, output_shape, scaled, sound

INTEGERS = (0, 1, 2, 3, -1, -2, 5, 7, 127, 255, 256, 4096, 65_536, 2**30, 2**31 - 1, -(2**31))
FLOATS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 1e-9, 1e9, math.inf, math.nan, 127.0)
SHAPES = (
    [], [1], [4], [1, 4], [1, 4, 4, 3], [1, 4, 4, 1], [4, 4, 3], [3], [1, 1, 1, 3], [2, 4, 4, 3], [1, 0, 4, 3], [1] * 5,
    [1, 1, 1, 4, 4, 3], [1] * 7, [1, 5, 5, 3], [1, 4, 4, 6], [65_536, 65_536], [-1, 4, 4, 3], [1, 1000, 1000, 64], [48],
)  # fmt: skip
_NUMPY = {number: name for name, number in TYPES.items()}
# Of all files, those of two operators.
PAIRS = 0.4


def hostile(seed: int) -> bytes:
    """A file of one or two operators with one to three fields at an edge; a tenth of the seeds leave it as it is."""
    chance = random.Random(seed)
    while True:
        with contextlib.suppress(TypeError, ValueError, AttributeError, struct.error):  # no number of the schema's type
            return _hostile(chance)


def _hostile(chance: random.Random) -> bytes:
    names = list(RULES) if chance.random() < 0.95 else BUILTIN_OPERATORS[: BUILTIN_OPERATORS.index("BITCAST")]
    dtype = chance.choice(["float32", "int8", "int8", "uint8", "int16"])
    name = chance.choice(names)
    model = sound(name, dtype)
    if chance.random() < PAIRS:
        model = joined(model, sound(_follower(chance, name), dtype))
    for code in model.operatorCodes:
        code.version = chance.choice([1, 1, 2, 3, 5])
    for _ in range(chance.choice([0, 1, 1, 1, 1, 1, 2, 2, 3, 3])):
        change = chance.choice([_option, _option, _shape, _type, _quantization, _quantization, _wiring, _constant])
        change(chance, model)
    return packed(model)


def _follower(chance: random.Random, name: str) -> str:
    """An operator to read what ``name`` writes, nine times of ten one that takes its shape."""
    fitting = [other for other in RULES if data_shape(other) == output_shape(name)]
    return chance.choice(fitting if fitting and chance.random() < 0.9 else list(RULES))


def _option(chance: random.Random, model: schema.ModelT) -> None:
    operator = chance.choice(model.subgraphs[0].operators)
    options = operator.builtinOptions
    if options is None or not vars(options) or chance.random() < 0.03:
        operator.builtinOptions = None
        return
    name = chance.choice(sorted(vars(options)))
    value = getattr(options, name)
    if isinstance(value, bool):
        setattr(options, name, not value)
    elif isinstance(value, float):
        setattr(options, name, chance.choice(FLOATS))
    elif isinstance(value, int):
        small = name in ("padding", "fusedActivationFunction", "mode", "weightsFormat") or "Type" in name
        setattr(options, name, chance.choice([n for n in INTEGERS if not small or -128 <= n <= 127]))
    else:
        setattr(options, name, [chance.choice(INTEGERS) for _ in range(chance.choice([0, 1, 2, 4, 9]))])


def _shape(chance: random.Random, model: schema.ModelT) -> None:
    tensor = chance.choice(model.subgraphs[0].tensors)
    if chance.random() < 0.5 and len(tensor.shape):
        shape = list(tensor.shape)
        shape[chance.randrange(len(shape))] = chance.choice(INTEGERS[:11])
        tensor.shape = shape
    else:
        tensor.shape = list(chance.choice(SHAPES))
    _fit(model, tensor)


def _fit(model: schema.ModelT, tensor: schema.TensorT) -> None:
    """A constant's data of the right length, so that the file is not refused for that alone."""
    count = math.prod(tensor.shape) if len(tensor.shape) else 1
    if tensor.buffer and 0 <= count <= 10**6:
        values = (np.arange(count) % 5).astype(_NUMPY.get(tensor.type, "int8"))
        model.buffers[tensor.buffer] = buffer_of(values)


def _type(chance: random.Random, model: schema.ModelT) -> None:
    tensor = chance.choice(model.subgraphs[0].tensors)
    tensor.type = chance.choice(list(TYPES.values())) if chance.random() < 0.9 else chance.randrange(20)
    _fit(model, tensor)


def _quantization(chance: random.Random, model: schema.ModelT) -> None:
    tensor = chance.choice(model.subgraphs[0].tensors)
    kind = chance.choice(["none", "scale", "zero", "many", "some"])
    if kind == "none":
        tensor.quantization = None
    elif kind == "many":
        size = chance.choice([2, 3, 5, *(abs(n) for n in tensor.shape if abs(n) < 100)])
        tensor.quantization = scaled(1.0, 0)
        tensor.quantization.scale = np.array(
            [chance.choice(FLOATS) if chance.random() < 0.2 else 0.5] * size, np.float32
        )
        tensor.quantization.zeroPoint = np.array([chance.choice([0, 0, 1])] * size, np.int64)
        tensor.quantization.quantizedDimension = chance.choice([0, 1, 2, 3, -1, 7])
    else:
        zero = chance.choice(INTEGERS) if kind != "scale" else 0
        tensor.quantization = scaled(chance.choice(FLOATS) if kind != "zero" else 0.25, zero)


def _wiring(chance: random.Random, model: schema.ModelT) -> None:
    operator = chance.choice(model.subgraphs[0].operators)
    inputs = list(operator.inputs)
    kind = chance.choice(["drop", "missing", "same", "more", "swap"])
    if kind == "drop" and inputs:
        inputs.pop()
    elif kind == "missing" and inputs:
        inputs[chance.randrange(len(inputs))] = -1
    elif kind == "same" and inputs:
        inputs[chance.randrange(len(inputs))] = chance.choice(inputs)
    elif kind == "more":
        inputs.append(chance.choice([-1, *inputs]))
    else:
        chance.shuffle(inputs)
    operator.inputs = np.array(inputs, np.int32)


def _constant(chance: random.Random, model: schema.ModelT) -> None:
    """Other numbers in a constant, or data that becomes one, or one that becomes an input of the graph."""
    graph = model.subgraphs[0]
    tensor = chance.choice(graph.tensors)
    number = graph.tensors.index(tensor)
    if not tensor.buffer:
        tensor.buffer = len(model.buffers)
        model.buffers.append(schema.BufferT())
        graph.inputs = np.array([index for index in graph.inputs if index != number], np.int32)
        _fit(model, tensor)
    elif chance.random() < 0.25:
        tensor.buffer = 0
        graph.inputs = np.append(graph.inputs, number).astype(np.int32)
    elif tensor.type == TYPES["int32"]:
        values = np.frombuffer(model.buffers[tensor.buffer].data, np.int32).copy()
        if len(values):
            values[chance.randrange(len(values))] = chance.choice(INTEGERS)
            model.buffers[tensor.buffer] = buffer_of(values)
