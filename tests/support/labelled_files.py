"""A passport for the digits, and a file of another tool that names its classes in the standard TFLite metadata."""

import dataclasses

from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.formats.tflite import standard_metadata as standard
from cnnedge.formats.tflite.entries import add_entries
from cnnedge.formats.tflite.label_archive import append_files
from cnnedge.passport import Passport
from tests.support import models
from tests.support.tflite_objects import OPERATORS, first, packed

PASSPORT = Passport(
    model="digits", format="tflite", precision="int8", qat=False, labels=tuple("0123456789"),
    input_shape=(28, 28, 1), input_dtype="uint8", output_dtype="uint8",
    made={"seed": 0, "note": "größer", "data": {"name": "mnist"}},
)  # fmt: skip
NAMES = tuple("abcdefghij")
METADATA = dataclasses.replace(standard.of_passport(PASSPORT), label_file="names.txt")


def foreign(metadata=METADATA, names=NAMES, file_name="names.txt") -> ModelFile:
    content = add_entries(models.digits_tflite(), {standard.ENTRY: standard.write(metadata)})
    return opened(append_files(content, {file_name: "\n".join(names).encode()}))


def opened(content: bytes, format: str = "tflite") -> ModelFile:
    """A file of another tool, without one on the disk."""
    return dataclasses.replace(open_model_file(content, format), name=f"theirs.{format}")


def logits_tflite() -> bytes:
    """The digits network without its softmax, float32: its output is what its dense layer gives."""
    model = schema.ModelT.InitFromPackedBuf(models.digits_tflite("float32"), 0)
    graph = model.subgraphs[0]
    softmax = first(model, OPERATORS.SOFTMAX)
    graph.operators.remove(softmax)
    graph.outputs = softmax.inputs[:1]
    model.signatureDefs = []
    return packed(model)
