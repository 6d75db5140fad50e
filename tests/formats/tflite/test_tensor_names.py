"""Names of tensors as the converter gives them, and short."""

import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.reader import read_tflite
from cnnedge.formats.tflite.tensor_names import with_short_names
from cnnedge.formats.tflite.writer import ALIGNMENT, written_aligned
from cnnedge.runtime.opening import open_runner
from tests.support import models

FUSED = b"net/conv/Relu;net/conv/BiasAdd;net/conv/Conv2D"


def file_with(names: list[bytes]) -> bytes:
    """A file whose inner tensors have ``names``, the last ones those that the converter gave."""
    model = schema.ModelT.InitFromPackedBuf(models.digits_tflite(), 0)
    graph = model.subgraphs[0]
    inner = [index for index in range(len(graph.tensors)) if index not in {*graph.inputs, *graph.outputs}]
    for index, name in zip(inner, names, strict=False):
        graph.tensors[index].name = name
    for index in inner[len(names) :]:
        graph.tensors[index].name = b"net/other%d" % index
    return written_aligned(model)


def names_of(content: bytes) -> list[str]:
    graph = read_tflite(content).subgraphs[0]
    ends = {*graph.inputs, *graph.outputs}
    return [tensor.name for index, tensor in enumerate(graph.tensors) if index not in ends]


def test_the_first_of_what_was_fused_stays_and_no_two_are_alike():
    short = with_short_names(file_with([FUSED, FUSED + b"1", b"arith.constant"]))
    assert names_of(short)[:3] == ["conv/Relu", "conv/Relu_2", "arith.constant"]
    assert len(set(names_of(short))) == len(names_of(short))


def test_paths_of_several_networks_are_kept_whole():
    assert names_of(with_short_names(file_with([FUSED, b"head/dense"])))[:2] == ["net/conv/Relu", "head/dense"]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_answers_the_weights_and_the_ends_stay(precision):
    before = models.digits_tflite(precision, "float32")
    after = with_short_names(before)
    assert len(after) < len(before)
    old, new = read_tflite(before), read_tflite(after)
    assert [before[at : at + size] for at, size in old.buffers] == [after[at : at + size] for at, size in new.buffers]
    assert {at % ALIGNMENT for at, size in new.buffers if size} == {0}
    for ends in ("inputs", "outputs"):
        found, kept = ([file.subgraphs[0].tensors[index].name for index in getattr(file.subgraphs[0], ends)]
                       for file in (new, old))  # fmt: skip
        assert found == kept
    images, _ = models.digits("test")
    with open_runner(before, format="tflite") as one, open_runner(after, format="tflite") as two:
        assert (one.predict(images) == two.predict(images)).all()
