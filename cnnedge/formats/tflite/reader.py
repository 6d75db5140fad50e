"""What a TFLite file says, read without TensorFlow or LiteRT and without trusting it.

Field numbers are those of the public schema (tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3).
"""

from dataclasses import dataclass

from cnnedge.formats.tflite import flatbuffer
from cnnedge.formats.tflite.flatbuffer import Damaged, Table
from cnnedge.formats.tflite.vocabulary import BUILTIN_OPERATORS, CUSTOM, PLACEHOLDER, TENSOR_TYPES

IDENTIFIER = b"TFL3"


@dataclass(frozen=True)
class Quantization:
    """One scale and zero point for the whole tensor, or one per slice along ``axis``."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int


@dataclass(frozen=True)
class Tensor:
    """``shape`` is fixed; ``signature`` has -1 where a size is free; ``buffer`` is the number of its data."""

    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    buffer: int
    quantization: Quantization | None
    is_variable: bool
    is_sparse: bool


@dataclass(frozen=True)
class Operator:
    """``builtin`` is the schema's operator number; ``name`` the custom name for a custom operator.

    Indices in ``inputs`` and ``outputs`` count tensors of the same subgraph; -1 is an optional one left out.
    """

    builtin: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options_type: int
    options: Table | None
    has_second_options: bool


@dataclass(frozen=True)
class Subgraph:
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class TFLiteModel:
    """``buffers`` are (start, length) in ``content``; ``metadata`` names entries of ``buffers``."""

    content: bytes
    subgraphs: tuple[Subgraph, ...]
    buffers: tuple[tuple[int, int], ...]
    metadata: tuple[tuple[str, int], ...]
    signatures: tuple["Signature", ...]


@dataclass(frozen=True)
class Signature:
    subgraph: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_tflite(content: bytes) -> TFLiteModel:
    """Read the structure of a TFLite file.

    Raises:
        ModelError: it is not one, or an offset, length or type number in it cannot be.
    """
    if content[4:8] != IDENTIFIER:
        raise Damaged(f"{_looks_like(content)}, expected a TFLite flatbuffer (TFL3 at byte 4)")
    model = flatbuffer.root(content)
    version = model.integer(0, "I")
    if version != 3:
        raise Damaged(f"TFLite schema version {version}, expected 3")
    codes = [_operator_code(code) for code in model.tables(1)]
    read = TFLiteModel(
        content=content,
        subgraphs=tuple(_subgraph(subgraph, codes) for subgraph in model.tables(2)),
        buffers=tuple(_buffer(buffer) for buffer in model.tables(4)),
        metadata=tuple((entry.text(0), entry.integer(1, "I")) for entry in model.tables(6)),
        signatures=tuple(_signature(signature) for signature in model.tables(7)),
    )
    for graph in read.subgraphs:
        _check_indices(graph, len(read.buffers))
    return read


def _check_indices(graph: Subgraph, buffers: int) -> None:
    written = [index for operator in graph.operators for index in operator.outputs]
    for index in (*graph.inputs, *graph.outputs, *written):
        if not 0 <= index < len(graph.tensors):
            raise Damaged(f"tensor {index} is used, of {len(graph.tensors)}")
    for operator in graph.operators:
        if not all(-1 <= index < len(graph.tensors) for index in operator.inputs):
            raise Damaged(f"{operator.name} reads tensors {operator.inputs}, of {len(graph.tensors)}")
    for tensor in graph.tensors:
        if tensor.buffer >= buffers:
            raise Damaged(f"tensor {tensor.name[:60]!r} has its data in buffer {tensor.buffer}, of {buffers}")


def _looks_like(content: bytes) -> str:
    if not content:
        return "the file is empty"
    if content[:512].isascii() and b"\0" not in content[:512]:
        return "this is a text file"
    return "this is another kind of file"


def _operator_code(code: Table) -> tuple[int, str]:
    # Files older than schema 3a keep the number in the first field, an int8; newer ones put 127 there at
    # most.
    builtin = max(code.integer(0, "b"), code.integer(3, "i"))
    custom_name = code.text(1)
    if not 0 <= builtin < len(BUILTIN_OPERATORS) or builtin == PLACEHOLDER:
        raise Damaged(f"operator number {builtin} is not in the TFLite schema")
    return builtin, custom_name if builtin == CUSTOM else BUILTIN_OPERATORS[builtin]


def _subgraph(subgraph: Table, codes: list[tuple[int, str]]) -> Subgraph:
    return Subgraph(
        tensors=tuple(_tensor(tensor) for tensor in subgraph.tables(0)),
        inputs=subgraph.numbers(1, "<i4"),
        outputs=subgraph.numbers(2, "<i4"),
        operators=tuple(_operator(operator, codes) for operator in subgraph.tables(3)),
    )


def _tensor(tensor: Table) -> Tensor:
    number = tensor.integer(1, "b")
    if not 0 <= number < len(TENSOR_TYPES):
        raise Damaged(f"tensor type number {number} is not in the TFLite schema")
    shape = tensor.numbers(0, "<i4")
    quantization = tensor.table(4)
    return Tensor(
        name=tensor.text(3),
        shape=shape,
        signature=tensor.numbers(7, "<i4") or shape,
        dtype=TENSOR_TYPES[number],
        buffer=tensor.integer(2, "I"),
        quantization=_quantization(quantization) if quantization else None,
        is_variable=bool(tensor.integer(5, "b")),
        is_sparse=tensor.table(6) is not None,
    )


def _quantization(table: Table) -> Quantization | None:
    table.numbers(0, "<f4"), table.numbers(1, "<f4")  # min and max: native code reads them too
    scale, zero_point = table.numbers(2, "<f4"), table.numbers(3, "<i8")
    if table.integer(4, "B"):
        raise Damaged("a tensor has custom quantization, expected scale and zero point")
    return Quantization(scale, zero_point, table.integer(6, "i")) if scale or zero_point else None


def _operator(operator: Table, codes: list[tuple[int, str]]) -> Operator:
    index = operator.integer(0, "I")
    if index >= len(codes):
        raise Damaged(f"an operator is of kind {index}, of {len(codes)}")
    operator.span(5), operator.span(7)  # custom options and mutating inputs: native code reads them too
    options = operator.table(4)
    builtin, name = codes[index]
    return Operator(
        builtin=builtin,
        name=name,
        inputs=operator.numbers(1, "<i4"),
        outputs=operator.numbers(2, "<i4"),
        intermediates=operator.numbers(8, "<i4"),
        options_type=operator.integer(3, "B"),
        options=options,
        has_second_options=bool(operator.integer(11, "B")),
    )


def _buffer(buffer: Table) -> tuple[int, int]:
    if buffer.integer(1, "Q") > 1 or buffer.integer(2, "Q") > 1:
        raise Damaged("a buffer lies outside the flatbuffer (a model of more than 2 GB), which is not read here")
    return buffer.span(0)


def _signature(signature: Table) -> Signature:
    inputs, outputs = signature.tables(0), signature.tables(1)
    signature.text(2), [name.text(0) for name in (*inputs, *outputs)]  # native code reads the names
    return Signature(
        subgraph=signature.integer(4, "I"),
        inputs=tuple(entry.integer(1, "I") for entry in inputs),
        outputs=tuple(entry.integer(1, "I") for entry in outputs),
    )
