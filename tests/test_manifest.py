"""The manifest of a folder, and the training's record that goes with the model's file; the name says nothing."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from cnnedge.errors import DataError
from cnnedge.files import sha256_of
from cnnedge.manifest import (
    MANIFEST,
    RECORD_MEMBER,
    FileEntry,
    FileFacts,
    TrainedOn,
    TrainingRecord,
    read_manifest,
    training_record,
    update_manifest,
    with_record,
)  # fmt: skip

SHIPPED = Path(__file__).parent.parent / "exported"
RECORD = TrainingRecord(
    recipe={"epochs": 3, "augmentation": {"shift": 1}}, seed=7, backend="jax", init=None,
    teacher=FileFacts("big.keras", "ab" * 32), data=TrainedOn("mnist", True, "cd" * 32, "bundled sample"),
    versions={"keras": "3.12"}, network="mnist-tiny",
)  # fmt: skip


def entry(content: bytes) -> FileEntry:
    return FileEntry(
        sha256_of(content), len(content), "keras", "float32", False, ("a", "b"), 0.5, 10, "training", {"keras": "3.12"}
    )


def archive(folder: Path, name: str = "net.keras", text: str = "{}") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr("config.json", text)
    return path


@pytest.mark.parametrize("model", ["mnist", "mnist-tiny", "cifar10", "cifar10-small"])
def test_shipped_models_say_how_they_were_trained(model, tmp_path):
    record = training_record(SHIPPED / model / f"{model}.keras")
    assert record.network == model
    assert record.data.name == model.split("-")[0] and record.data.published
    copy = training_record(shutil.copy(SHIPPED / model / f"{model}.keras", tmp_path / "mine.keras"))
    if model.startswith("cifar10"):
        assert (copy.network, copy.recipe, copy.data) == (record.network, record.recipe, record.data)
    else:
        assert copy is None, "made before the record was kept inside: alone it is of unknown origin"


def test_a_name_says_nothing(tmp_path):
    shutil.copy(SHIPPED / "cifar10" / MANIFEST, tmp_path / MANIFEST)
    stranger = archive(tmp_path, "cifar10.keras")
    assert training_record(stranger) is None
    assert training_record(tmp_path / "absent.keras") is None


def test_a_record_travels_inside_the_file(tmp_path):
    path = archive(tmp_path)
    path.write_bytes(with_record(path.read_bytes(), RECORD))
    assert training_record(path) == RECORD
    moved = path.rename(tmp_path / "another name.keras")
    assert training_record(moved) == RECORD
    with zipfile.ZipFile(moved) as stream:
        assert stream.read("config.json") == b"{}" and stream.testzip() is None


def test_a_damaged_record_is_one_line(tmp_path):
    path = archive(tmp_path)
    with zipfile.ZipFile(path, "a") as stream:
        stream.writestr(RECORD_MEMBER, '{"recipe": {}, "seed": "seven"}')
    with pytest.raises(DataError, match=r"cnnedge\.json is damaged \(seed is 'seven', expected a whole number\)"):
        training_record(path)


def test_a_record_that_cannot_be_unpacked_is_left_to_who_loads_the_file(tmp_path):
    """Locked with a password, or packed by a method that nothing knows: zipfile has another error for each."""
    path = tmp_path / "model.keras"
    for flag, method in ((1, 0), (0, 99)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(RECORD_MEMBER, "{}")
        content = bytearray(path.read_bytes())
        for place, skipped in ((0, 6), (content.find(b"PK\1\2"), 8)):
            content[place + skipped] |= flag
            content[place + skipped + 2] |= method
        path.write_bytes(content)
        assert training_record(path) is None


def test_files_are_added_and_those_that_are_gone_drop_out(tmp_path):
    for name in ("net.keras", "net_int8.tflite"):
        (tmp_path / name).write_bytes(name.encode())
    update_manifest(tmp_path, "net", {"net.keras": entry(b"net.keras")}, training=RECORD)
    update_manifest(tmp_path, "net", {"net_int8.tflite": entry(b"net_int8.tflite")})
    manifest = read_manifest(tmp_path)
    assert list(manifest.files) == ["net.keras", "net_int8.tflite"] and manifest.training == RECORD
    (tmp_path / "net_int8.tflite").unlink()
    assert list(update_manifest(tmp_path, "net", {}).files) == ["net.keras"]


def test_another_model_in_the_folder_has_not_the_training_of_the_first(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"first")
    update_manifest(tmp_path, "net", {"net.keras": entry(b"first")}, training=RECORD)
    assert update_manifest(tmp_path, "net", {"net.keras": entry(b"first")}).training == RECORD
    assert update_manifest(tmp_path, "net", {"net.keras": entry(b"second")}).training is None


def test_before_the_source_was_kept_the_export_said_it(tmp_path):
    document = json.loads((SHIPPED / "mnist" / MANIFEST).read_text())
    document["data"]["source"] = "folder"
    (tmp_path / MANIFEST).write_text(json.dumps(document))
    assert not read_manifest(tmp_path).training.data.published
    assert dataclasses.replace(RECORD.data, source="folder").published is False


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "."),
        (b"[" * 100_000, "."),
        (b'{"schema": 2}', "not a manifest of schema 1"),
        (b'{"schema": 1, "model": "m", "files": {"m.keras": {}}}', r"files\.m\.keras\.sha256 is missing"),
        (b'{"schema": 1, "model": "m", "training": 5}', "training is 5, expected an object"),
    ],
)
def test_a_damaged_manifest_is_one_line_and_stays(content, reason, tmp_path):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(DataError, match=rf"manifest\.json is damaged \(.*{reason}.*\): restore it") as caught:
        update_manifest(tmp_path, "m", {})
    assert "\n" not in str(caught.value)
    assert (tmp_path / MANIFEST).read_bytes() == content
