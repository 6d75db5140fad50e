"""What is calculated from each value alone as a table of the 256 codes: of an activation, a square root, a minimum.

LiteRT's integer kernels of these are such tables. ONNX Runtime has kernels for a sigmoid and a leaky ReLU; the others
it would calculate in float from the codes and round again. A table holds what that gives for each code; with a constant
for each channel (the slopes of a PReLU) there is a table for each. They are looked up by ``GatherElements``: a
``Gather`` was slower than the float operators when both were tried by throw-away code.
"""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.kernels.codes import Codes, Stored

if TYPE_CHECKING:
    from onnx import NodeProto

_CODES = 256
# Of the largest set of tables 256 kB: 1,024 channels.
_MOST_TABLES = 1024
_BENDING = {
    "Abs", "Add", "Celu", "Clip", "Div", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Max",
    "Min", "Mul", "Neg", "PRelu", "Pow", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub",
    "Tanh",
}  # fmt: skip
# They have integer kernels, as long as their constants are stored as codes too.
_NATIVE = {"Add", "Mul", "Sigmoid", "LeakyRelu"}
_HALF, _MIDDLE = 1 / 128, 128


def from_table(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    found = _bend(codes, quantize.input[0])
    shape = codes.shape(quantize.output[0])
    if found is None or shape is None:
        return None
    chain, source = found
    if not chain or (len(chain) == 1 and _has_kernel(codes, chain[0])):
        return None
    if [node.op_type for node in chain] == ["Tanh"] and _is_symmetric(codes, quantize):
        return _half_sigmoid(codes, source, quantize)
    tables = _tables(codes, chain, source, quantize)
    if tables is None or tables.size > _CODES * _MOST_TABLES or codes.shape(source.name) != shape:
        return None
    return _looked_up(codes, source, tables, quantize.output[0], shape)


def _bend(codes: Codes, name: str) -> "tuple[list[NodeProto], Stored] | None":
    """The operators between ``name`` and the only codes that it is calculated from, in order; None if of others too."""
    chain: dict[str, NodeProto] = {}
    sources: dict[str, Stored] = {}

    def walk(name: str) -> bool:
        if name in chain or not name or codes.is_constant(name):
            return True
        stored, maker = codes.stored(name), codes.maker.get(name)
        if maker is None:
            return False
        if maker.op_type == "DequantizeLinear":
            sources.update({} if stored is None else {stored.name: stored})
            return stored is not None
        if maker.op_type not in _BENDING or not all(map(walk, maker.input)):
            return False
        chain[name] = maker
        return True

    if not walk(name) or len(sources) != 1:
        return None
    return list(chain.values()), next(iter(sources.values()))


def _has_kernel(codes: Codes, node: "NodeProto") -> bool:
    return node.op_type in _NATIVE and not any(name in codes.constants for name in node.input)


def _is_symmetric(codes: Codes, quantize: "NodeProto") -> bool:
    """Whether the codes are those that TFLite gives to a tanh: -1 is 0, and 0 is 128."""
    return codes.value(quantize.input[1]) == _HALF and codes.value(quantize.input[2]) == _MIDDLE


def _half_sigmoid(codes: Codes, source: Stored, quantize: "NodeProto") -> "list[NodeProto]":
    """tanh(x) = 2 * sigmoid(2 * x) - 1: the same codes, with scales of twice and half."""
    from onnx import helper

    end = quantize.output[0]
    double = codes.add(f"{end}_double", (2 * codes.constants[source.scale]).astype("float32"))
    half, zero = codes.add(f"{end}_half", np.float32(_HALF / 2)), codes.add(f"{end}_zero", np.uint8(0))
    return [
        helper.make_node("DequantizeLinear", [source.name, double, source.zero_point], [f"{end}_twice"]),
        helper.make_node("Sigmoid", [f"{end}_twice"], [f"{end}_sigmoid"]),
        helper.make_node("QuantizeLinear", [f"{end}_sigmoid", half, zero], [end]),
    ]


def _tables(codes: Codes, chain: "list[NodeProto]", source: Stored, quantize: "NodeProto") -> np.ndarray | None:
    """The codes that come out, (1, .., 1, 256) or with the sizes of the constants in front: (1, channels, 1, 1, 256).

    None if a constant has a scale for each channel, which these have not in what the converter writes.
    """
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    made = {name for node in chain for name in node.output}
    taken = {name for node in chain for name in node.input if name} - made
    held = {name: codes.real(name) for name in taken if codes.is_constant(name)}
    if None in [None if value is None else 0 for value in held.values()]:
        return None
    fed = sorted(taken - set(held))  # more than one where the same codes are read twice
    given = chain[-1].output[0]
    graph = helper.make_graph(
        chain, "bend",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in fed],
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, "float32"), name) for name, value in held.items()],
    )  # fmt: skip
    axes = len(codes.shape(source.name) or ())
    every = np.arange(_CODES, dtype="float32").reshape(_CODES, *[1] * (axes - 1))
    values = (every - np.float32(codes.value(source.zero_point))) * np.float32(codes.value(source.scale))
    model = helper.make_model(graph, opset_imports=codes.model.opset_import)
    scale, zero_point = (codes.value(name) for name in quantize.input[1:3])
    with np.errstate(all="ignore"):  # a logarithm of 0 is the lowest code
        found = ReferenceEvaluator(model).run(None, dict.fromkeys(fed, values))[0]
        rounded = np.nan_to_num(np.rint(found / np.float32(scale)) + zero_point, nan=zero_point)
    return np.moveaxis(np.clip(rounded, 0, _CODES - 1).astype("uint8")[None], 1, -1)


def _looked_up(codes: Codes, source: Stored, tables: np.ndarray, end: str, shape: tuple[int, ...]) -> "list[NodeProto]":
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Cast", [source.name], [f"{end}_places"], to=TensorProto.INT32)]
    if tables.size > _CODES:
        starts = _CODES * np.arange(tables.size // _CODES, dtype="int32").reshape(tables.shape[:-1])
        begun = codes.add(f"{end}_starts", starts)
        nodes.append(helper.make_node("Add", [f"{end}_places", begun], [f"{end}_own_places"]))
    flat, sizes = codes.sizes(f"{end}_flat", [-1]), codes.sizes(f"{end}_sizes", (-1, *shape[1:]))
    return [
        *nodes,
        helper.make_node("Reshape", [nodes[-1].output[0], flat], [f"{end}_row"]),
        helper.make_node("GatherElements", [codes.add(f"{end}_table", tables.ravel()), f"{end}_row"], [f"{end}_found"]),
        helper.make_node("Reshape", [f"{end}_found", sizes], [end]),
    ]
