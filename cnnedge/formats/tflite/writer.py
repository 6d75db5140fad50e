"""Writing a TFLite file anew with its weights where LiteRT and XNNPACK want them.

The schema asks for ``force_align: 16`` of a buffer's data, which TensorFlow's own writer keeps. The Python object API
does not know it and packs data at multiples of 4: then weights are copied when a file is opened, or read unaligned.
"""

from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from cnnedge.formats.tflite.reader import IDENTIFIER

ALIGNMENT = 16


def written_aligned(model: schema.ModelT) -> bytes:
    """The file of ``model``, every buffer's data at a multiple of ALIGNMENT; the same model gives the same bytes."""
    builder = Builder(1 << 16)
    model.buffers = [_Aligned(buffer) for buffer in model.buffers]
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def name_ends(content: bytes, image: str, scores: str) -> bytes:
    """Name the input and the output tensor; every tensor, operator and weight stays as it is.

    Metadata entries stay; an archive behind the file is left out.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = image.encode()
    graph.tensors[graph.outputs[0]].name = scores.encode()
    return written_aligned(model)


def is_one_of(model: schema.ModelT, operator: schema.OperatorT, *kinds: str) -> bool:
    """Whether the operator is one of the ``kinds``, by their names in the schema."""
    code = model.operatorCodes[operator.opcodeIndex].builtinCode
    return code in [getattr(schema.BuiltinOperator, kind) for kind in kinds]


class _Aligned:
    """A buffer that packs its data at a multiple of ALIGNMENT, counted from the end as the builder does."""

    def __init__(self, buffer: schema.BufferT) -> None:
        self.buffer = buffer

    def Pack(self, builder: Builder) -> int:
        data = b"" if self.buffer.data is None else bytes(bytearray(self.buffer.data))
        place = 0
        if data:
            builder.StartVector(1, len(data), ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            place = builder.EndVector()
        schema.BufferStart(builder)
        if data:
            schema.BufferAddData(builder, place)
        return schema.BufferEnd(builder)
