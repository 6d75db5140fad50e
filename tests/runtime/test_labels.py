"""Files of other tools: which labels they get, and what is said of it."""

import dataclasses

import pytest

from cnnedge.errors import ModelError
from cnnedge.runtime import tflite_metadata_standard as standard
from cnnedge.runtime.labels import find_labels
from cnnedge.runtime.modelfile import ModelFile
from cnnedge.runtime.tflite_metadata import add_entries
from cnnedge.runtime.tflite_metadata_archive import append_files
from tests.runtime import models
from tests.runtime.test_modelfile import PASSPORT

NAMES = tuple("abcdefghij")
METADATA = dataclasses.replace(standard.of_passport(PASSPORT), label_file="names.txt")


def foreign(metadata=METADATA, names=NAMES, file_name="names.txt") -> ModelFile:
    content = add_entries(models.digits_tflite(), {standard.ENTRY: standard.write(metadata)})
    return ModelFile("theirs.tflite", "tflite", append_files(content, {file_name: "\n".join(names).encode()}))


def test_the_passports_labels_need_no_remark():
    found = find_labels(foreign(), PASSPORT, 10)
    assert (found.names, found.remark) == (PASSPORT.labels, None)


def test_the_metadatas_labels():
    found = find_labels(foreign(), None, 10)
    assert found.names == NAMES
    assert found.remark == (
        "theirs.tflite is another tool's (no passport): its labels are those of its TFLite metadata; "
        "it is fed raw pixels 0..255"
    )


def test_numbers_where_there_are_no_labels():
    for file in (
        ModelFile("theirs.tflite", "tflite", models.digits_tflite()),
        ModelFile("theirs.onnx", "onnx", models.colours_onnx()),
    ):
        found = find_labels(file, None, 3)
        assert found.names == ("0", "1", "2")
        assert "(no passport): its classes are called 0, 1, 2 ...; it is fed raw pixels" in found.remark


@pytest.mark.parametrize("count", [1, 9])
def test_labels_of_the_wrong_count_are_not_used(count):
    found = find_labels(foreign(names=NAMES[:count]), None, 10)
    assert found.names == tuple("0123456789")
    assert f"its metadata names {count} of 10 classes, so they are called 0, 1, 2 ..." in found.remark


def test_scaling_that_is_not_done_is_said():
    metadata = dataclasses.replace(METADATA, mean=(127.5,), std=(127.5,))
    remark = find_labels(foreign(metadata), None, 10).remark
    assert "its metadata asks for (pixel - 127.5) / 127.5: the answers will be wrong" in remark


def test_a_label_file_that_is_missing_is_an_error():
    with pytest.raises(ModelError, match=r"theirs.tflite: the archive behind the model holds 0 files 'names.txt'"):
        find_labels(foreign(file_name="other.txt"), None, 10)


def test_a_passport_of_the_wrong_count_is_an_error():
    with pytest.raises(ModelError, match=r"theirs.tflite: 10 labels for 11 classes"):
        find_labels(foreign(), PASSPORT, 11)
