"""What an ONNX file says, read without the onnx package and without trusting it.

Field numbers are those of the public schema (onnx/onnx.proto).
"""

import math
from dataclasses import dataclass

from cnnedge.errors import ModelError
from cnnedge.formats.onnx.protobuf import Message

# Names by TensorProto.DataType number.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string",
    9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
BYTES = {
    "float32": 4, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "int32": 4, "int64": 8, "bool": 1,
    "float16": 2, "float64": 8, "uint32": 4, "uint64": 8, "bfloat16": 2,
}  # fmt: skip
# Operator sets that ONNX Runtime carries itself; any other domain needs a library that the file does not
# bring.
KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")

MAX_RANK = 8
# Concatenations of DenseNet join 64 maps.
MOST_ENDS = 256

_NOTHING = Message(b"")


@dataclass(frozen=True)
class Value:
    """An input or output. ``shape`` has None where a size is free; it is None if the file says nothing."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Initializer:
    """A constant. ``raw`` is where its bytes lie in the file, None if it is stored as a list of numbers."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    raw: tuple[int, int] | None
    message: Message

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * BYTES.get(self.dtype, 0)


@dataclass(frozen=True)
class Node:
    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Message]

    def integer(self, name: str, default: int = 0) -> int:
        return self.attributes[name].integer(3, default) if name in self.attributes else default

    def integers(self, name: str) -> tuple[int, ...]:
        return self.attributes[name].integers(8) if name in self.attributes else ()

    def text(self, name: str) -> str:
        return self.attributes[name].text(4) if name in self.attributes else ""


@dataclass(frozen=True)
class OnnxModel:
    """``values`` are the shapes that the file states for tensors inside the graph; often there are none."""

    content: bytes
    nodes: tuple[Node, ...]
    initializers: dict[str, Initializer]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    values: tuple[Value, ...]
    metadata: dict[str, str]


def read_onnx(content: bytes) -> OnnxModel:
    """Read an ONNX file.

    Raises:
        ModelError: it is not one, is damaged, keeps data in other files, or needs operators of its own.
    """
    try:
        message = Message(content)
    except ModelError as error:
        raise ModelError(f"not an ONNX file, or a damaged one: {error}") from error
    graph = message.message(7)
    if graph is None or message.integer(1) < 1:
        raise ModelError(f"{'the file is empty' if not content else 'no graph in it'}, expected an ONNX model")
    if message.count(25):
        raise ModelError("it defines functions of its own, expected standard operators only")
    _check_graph(graph)
    nodes = [_node(node) for node in graph.messages(1)]
    # A Constant node is another way to write an initializer.
    written = {node.outputs[0]: node.attributes["value"] for node in nodes if _is_constant(node)}
    tensors = [_initializer(tensor, tensor.text(8)) for tensor in graph.messages(5)]
    tensors += [_initializer(value.messages(5)[0], name) for name, value in written.items()]
    constants = {tensor.name: tensor for tensor in tensors}
    model = OnnxModel(
        content=content,
        nodes=tuple(node for node in nodes if not _is_constant(node)),
        initializers=constants,
        inputs=tuple(value for value in map(_value, graph.messages(11)) if value.name not in constants),
        outputs=tuple(map(_value, graph.messages(12))),
        values=tuple(map(_value, graph.messages(13))),
        metadata={entry.text(1): entry.text(2) for entry in message.messages(14)},
    )
    _check_order(model)
    return model


def _check_order(model: OnnxModel) -> None:
    """Every node may read only inputs, constants and what an earlier node wrote; ONNX asks for this order."""
    known = {"", *model.initializers, *(value.name for value in model.inputs)}
    for node in model.nodes:
        needed = 2 if node.op in ("QuantizeLinear", "DequantizeLinear") else int(node.op != "Constant")
        if len(node.inputs) < needed or not node.outputs:
            counts = f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"
            raise ModelError(f"{node.op[:60]} has {counts}, expected at least {needed} and 1")
        if len(node.inputs) > MOST_ENDS or len(node.outputs) > MOST_ENDS:
            raise ModelError(f"{node.op[:60]} has {len(node.inputs)} inputs, expected at most {MOST_ENDS}")
        written = known.intersection(filter(None, node.outputs))
        if written:
            raise ModelError(f"{node.op[:60]} writes {min(written)[:60]!r}, which is already written")
        missing = [name for name in node.inputs if name not in known]
        if missing:
            raise ModelError(f"{node.op[:60]} reads {missing[0][:60]!r} before anything wrote it")
        known.update(node.outputs)


def _check_graph(graph: Message) -> None:
    """Refuse external data, foreign operators, and operators that carry graphs of their own."""
    if graph.count(15):
        raise ModelError("it holds sparse tensors, which are not read here")
    for tensor in graph.messages(5):
        _check_tensor(tensor)
    for node in graph.messages(1):
        if node.text(7) not in KNOWN_DOMAINS:
            raise ModelError(f"operator {node.text(4)[:60]!r} is of the custom domain {node.text(7)[:60]!r}")
        for attribute in node.messages(5):
            if attribute.count(6) or attribute.count(11):
                raise ModelError(f"operator {node.text(4)[:60]!r} carries a graph, expected a plain classifier")
            for tensor in (*attribute.messages(5), *attribute.messages(10)):
                _check_tensor(tensor)


def _check_tensor(tensor: Message) -> None:
    name = f"tensor {tensor.text(8)[:60]!r}"
    if tensor.count(13) or tensor.integer(14):
        raise ModelError(f"{name} keeps its data in another file; expected one file: save it without external data")
    shape, dtype = tensor.integers(1), DTYPES.get(tensor.integer(2), "unknown")
    if len(shape) > MAX_RANK:
        raise ModelError(f"{name} has {len(shape):,} sizes, expected at most {MAX_RANK}")
    if any(not 0 <= size < 2**31 for size in shape):
        raise ModelError(f"{name} has shape {shape}")
    if math.prod(shape) > tensor.size:  # a number takes a byte or more, however it is stored
        raise ModelError(f"{name} has shape {shape}, and only {tensor.size:,} bytes")
    raw = tensor.spans(9)
    if raw and dtype in BYTES:
        held, needed = raw[-1][1] - raw[-1][0], math.prod(shape) * BYTES[dtype]
        if held != needed:
            raise ModelError(f"{name} has {held:,} bytes of data, expected {needed:,} for {dtype} {shape}")


def _is_constant(node: Node) -> bool:
    return (
        node.op == "Constant" and bool(node.outputs) and node.attributes.get("value", _NOTHING).message(5) is not None
    )


def _initializer(tensor: Message, name: str) -> Initializer:
    raw = tensor.spans(9)
    return Initializer(
        name=name,
        dtype=DTYPES.get(tensor.integer(2), "unknown"),
        shape=tensor.integers(1),
        raw=raw[-1] if raw else None,
        message=tensor,
    )


def _node(node: Message) -> Node:
    return Node(
        op=node.text(4),
        domain=node.text(7),
        name=node.text(3),
        inputs=node.texts(1),
        outputs=node.texts(2),
        attributes={attribute.text(1): attribute for attribute in node.messages(5)},
    )


def _value(value: Message) -> Value:
    type_message = value.message(2)
    tensor = type_message.message(1) if type_message else None
    if tensor is None:
        return Value(value.text(1), "unknown", None)
    shape = tensor.message(2)
    if shape is not None and shape.count(1) > MAX_RANK:
        raise ModelError(f"{value.text(1)[:60]!r} has {shape.count(1):,} sizes, expected at most {MAX_RANK}")
    sizes = None if shape is None else tuple(_size(dimension) for dimension in shape.messages(1))
    return Value(value.text(1), DTYPES.get(tensor.integer(1), "unknown"), sizes)


def _size(dimension: Message) -> int | None:
    size = dimension.integer(1, -1)
    if size >= 2**31:
        raise ModelError("a size is over 2**31, expected an image's")
    return size if size > 0 else None
