import dataclasses

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.formats.tflite.entries import add_entries, read_entry
from cnnedge.formats.tflite.label_archive import without_archive
from cnnedge.formats.tflite.reader import read_tflite
from cnnedge.runtime.opening import open_runner
from tests.support import models
from tests.support.labelled_files import PASSPORT


def test_passport_round_trips_in_tflite(tmp_path):
    content = models.digits_tflite()
    assert open_model_file(content, "tflite").passport is None
    path = tmp_path / "digits.tflite"
    path.write_bytes(embed_passport_tflite(content, PASSPORT))
    assert open_model_file(path).passport == PASSPORT


def test_embedding_leaves_the_model_as_it_was():
    content = models.digits_tflite()
    embedded = embed_passport_tflite(content, PASSPORT)
    assert without_archive(embedded).endswith(content)
    before, after = (schema.ModelT.InitFromPackedBuf(bytes_, 0) for bytes_ in (content, embedded))
    assert _described(before.subgraphs) == _described(after.subgraphs)
    assert _described(before.operatorCodes) == _described(after.operatorCodes)
    assert _described(before.signatureDefs) == _described(after.signatureDefs)
    assert _described(before.buffers) == _described(after.buffers[: len(before.buffers)])
    assert (before.version, before.description) == (after.version, after.description)
    assert [entry.name for entry in after.metadata] == [
        *(entry.name for entry in before.metadata), b"cnnedge_passport", b"TFLITE_METADATA",
    ]  # fmt: skip


def test_embedded_weights_keep_their_alignment():
    content = models.digits_tflite("float32")
    before, after = (
        [start % 64 for start, length in read_tflite(found).buffers if length]
        for found in (content, embed_passport_tflite(content, PASSPORT))
    )
    assert after[: len(before)] == before
    start = embed_passport_tflite(content, PASSPORT).index(b'{"description')
    assert start % 16 == 0  # what the schema asks of a new buffer


def test_embedded_file_gives_the_same_answers():
    images, _ = models.digits("test")
    content = models.digits_tflite()
    with (
        open_runner(content, format="tflite") as plain,
        open_runner(embed_passport_tflite(content, PASSPORT), format="tflite") as embedded,
    ):
        assert (plain.predict(images) == embedded.predict(images)).all()


def test_second_passport_replaces_the_first():
    first = embed_passport_tflite(models.digits_tflite(), PASSPORT)
    other = dataclasses.replace(PASSPORT, top1=0.9, test_images=100)
    second = embed_passport_tflite(first, other)
    assert open_model_file(second, "tflite").passport == other
    assert [name for name, _ in read_tflite(second).metadata].count("cnnedge_passport") == 1
    assert second.count(b"PK\x05\x06") == 1  # one archive


def test_embedding_twice_gives_the_same_bytes(monkeypatch):
    content = models.digits_tflite()
    once = embed_passport_tflite(content, PASSPORT)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert embed_passport_tflite(content, PASSPORT) == once


def test_what_is_embedded_is_small():
    """The metadata's tables are 0.7 kB and the archive 0.2 kB: 2 % of the smallest file that we ship."""
    content = models.digits_tflite()
    added = len(embed_passport_tflite(content, PASSPORT)) - len(content)
    assert added < len(PASSPORT.to_json()) + 1500


@pytest.mark.parametrize("name", ["a", "TFLITE_METADATA", "a name of 33 letters, to move pads"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 5000])
def test_entries_of_any_length_come_back(name, size):
    data = np.random.default_rng(0).bytes(size)
    content = add_entries(models.digits_tflite(), {name: data})
    assert read_entry(read_tflite(content), name) == data
    official = schema.ModelT.InitFromPackedBuf(content, 0)
    assert official.metadata[-1].name.decode() == name
    held = official.buffers[official.metadata[-1].buffer].data
    assert bytes(bytearray(held if held is not None else b"")) == data


def test_passport_is_read_from_onnx():
    content = models.with_passport(models.colours_onnx())
    found = open_model_file(content, "onnx").passport
    assert found is not None
    assert found.labels == models.COLOURS
    assert open_model_file(models.colours_onnx(), "onnx").passport is None


def test_damaged_passport_is_named(tmp_path):
    path = tmp_path / "digits.tflite"
    path.write_bytes(add_entries(models.digits_tflite(), {"cnnedge_passport": b"{not json"}))
    with pytest.raises(ModelError, match=r"digits\.tflite: the passport is not valid JSON"):
        _ = open_model_file(path).passport


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"This is no model, but a text of some length.\n", "this is a text file"),
        (b"\x00" * 100, "another kind of file"),
        (b"\xff\xff\xff\x7fTFL3" + b"\xff" * 40, "points to byte"),
        (b"\x08\x00\x00\x00TFL3", "points to byte"),
    ],
    ids=["empty", "text", "zeros", "lying offset", "header only"],
)
def test_what_is_no_tflite_file_is_refused(tmp_path, content, message):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"model\.tflite: .*{message}"):
        open_runner(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is a text", "not an ONNX file"),
        (b"\x3a\xff\xff\xff\xff\x07" + b"\x00" * 20, "reaches beyond"),
        (b"\x08\x08", "no graph in it"),
    ],
    ids=["empty", "text", "lying length", "no graph"],
)
def test_what_is_no_onnx_file_is_refused(content, message):
    with pytest.raises(ModelError, match=message):
        open_runner(content, format="onnx")


@pytest.mark.parametrize(
    "made, message",
    [
        (["given/saved_model.pb"], "given: a SavedModel, .*: cnnedge export .*given makes them of it"),
        (["given/b.onnx", "given/a.tflite"], "given: a folder, .*: name one of those in it, such as .*a.tflite"),
        (["given/a.png"], "given: a folder without any .tflite or .onnx file: name a file, or export into it first"),
        (["given.h5"], "given.h5: a Keras model, .*: cnnedge export .*given.h5 makes them of it"),
        (["given.txt"], "given.txt: format 'txt', expected a .tflite or .onnx file"),
    ],
)
def test_what_is_no_exported_file_is_told_how_to_become_one(tmp_path, made, message):
    for name in made:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=message):
        open_model_file(tmp_path / made[0].split("/")[0])


def _described(value: object) -> object:
    """A generated object as plain data, so that two of them can be compared."""
    if isinstance(value, list):
        return [_described(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if hasattr(value, "__dict__"):
        return {name: _described(item) for name, item in vars(value).items()}
    return value
