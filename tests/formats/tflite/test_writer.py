"""Files written anew keep their weights where the schema asks for them: at multiples of 16."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.reader import read_tflite
from cnnedge.formats.tflite.writer import ALIGNMENT, name_ends
from cnnedge.runtime.opening import open_runner
from tests.support import models

SHIPPED = sorted((Path(__file__).parents[3] / "exported").glob("*/*.tflite"))


def offsets(content: bytes) -> set[int]:
    """Where the data of the non-empty buffers lie, by the schema's alignment."""
    return {start % ALIGNMENT for start, length in read_tflite(content).buffers if length}


@pytest.mark.parametrize("precision", ["float32", "int8", "int16x8"])
def test_named_files_keep_weights_and_answers_and_align_them(precision):
    before = models.digits_tflite(precision, "float32")
    after = name_ends(before, "image", "probabilities")
    assert offsets(after) == {0}
    old, new = read_tflite(before), read_tflite(after)
    assert [before[start : start + length] for start, length in old.buffers] == [
        after[start : start + length] for start, length in new.buffers
    ]
    graph = new.subgraphs[0]
    assert (graph.tensors[graph.inputs[0]].name, graph.tensors[graph.outputs[0]].name) == ("image", "probabilities")
    images, _ = models.digits("test")
    with open_runner(before, format="tflite") as one, open_runner(after, format="tflite") as two:
        assert (one.predict(images) == two.predict(images)).all()


def test_naming_is_repeatable_and_mends_a_file_that_lost_its_alignment():
    from flatbuffers import Builder

    model = schema.ModelT.InitFromPackedBuf(models.digits_tflite(), 0)
    builder = Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    packed = bytes(builder.Output())
    assert offsets(packed) != {0}, "the object API keeps the alignment by itself now: the writer is not needed"
    mended = name_ends(packed, "image", "probabilities")
    assert offsets(mended) == {0}
    assert mended == name_ends(mended, "image", "probabilities")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_are_aligned(file):
    assert offsets(np.fromfile(file, np.uint8).tobytes()) == {0}
