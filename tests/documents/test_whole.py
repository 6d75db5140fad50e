"""benchmark.json written and read back; what is damaged is one line that names the place."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge.documents import fail_if_any, read_document
from cnnedge.errors import CnnedgeError, DataError
from tests.support import documents

EXPORTED = Path(__file__).parents[2] / "exported"


def test_a_document_survives_being_written_and_read(tmp_path):
    document = documents.document()
    document.write(tmp_path / "benchmark.json")
    assert read_document(tmp_path / "benchmark.json") == document
    longest = max(len(line) for line in (tmp_path / "benchmark.json").read_text().splitlines())
    assert longest < 400  # a round of samples is one line, not a hundred and not all of them


@pytest.mark.parametrize("model", ["mnist", "mnist-tiny", "cifar10-small", "cifar10"])
def test_the_shipped_documents_are_written_as_they_were_read(model, tmp_path):
    path = EXPORTED / model / "benchmark.json"
    read_document(path).write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == path.read_text()


def test_fields_that_came_later_may_be_absent(tmp_path):
    path = tmp_path / "old.json"
    documents.document().write(path)
    content = json.loads(path.read_text())
    del content["sustained"], content["settings"]["processes"], content["made"]["paths"]
    for row in content["rows"]:
        del row["preprocessing"], row["sustained"], row["process_spread"]
    path.write_text(json.dumps(content))
    old = read_document(path)
    assert old.sustained is old.settings.processes is old.made.paths is old.rows[0].preprocessing is None
    assert old.rows[0].top1 == documents.document().rows[0].top1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1, 2", "is not JSON"),
        ("[]", "is not a benchmark document of schema 1"),
        ('{"schema": 2}', "is not a benchmark document of schema 1"),
        ('{"schema": 1, "rows": []}', r"is damaged \(made is missing\): run cnnedge benchmark again"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path, content, reason):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=reason):
        read_document(tmp_path / "x.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_document(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("rows", 2, "top1"), "97 %", r"rows\[2\]\.top1 is '97 %', expected a number"),
        (("rows", 0, "latency_ms", "p50"), None, r"rows\[0\]\.latency_ms\.p50 is None, expected a number"),
        (("rows", 1, "format"), "coreml", "format is 'coreml', expected one of tflite, onnx, keras"),
        (("rows", 3, "confusion"), [[1, 2]], r"rows\[3\] has figures for another number of classes than 3"),
        (("rows", 3, "flips", 0, "predicted"), 3, r"rows\[3\]\.flips names a class that is none of the 3"),
        (("settings", "threads"), True, r"settings\.threads is True, expected a whole number"),
        (("machine", "cpu_flags"), "avx2", r"machine\.cpu_flags is 'avx2', expected a list"),
        (("data", "sha256"), 5, r"data\.sha256 is 5, expected text"),
    ],
)
def test_damage_is_named_by_its_place(tmp_path, place, value, reason):
    path = tmp_path / "benchmark.json"
    documents.document().write(path)
    content = json.loads(path.read_text())
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=reason) as raised:
        read_document(path)
    assert str(raised.value).startswith(f"{path} is damaged") and "\n" not in str(raised.value)


def test_nan_is_no_number(tmp_path):
    path = tmp_path / "benchmark.json"
    documents.document().write(path)
    path.write_text(path.read_text().replace('"load_ms": 5.0', '"load_ms": NaN', 1))
    with pytest.raises(DataError, match=r"rows\[0\]\.load_ms is nan, expected a number"):
        read_document(path)


def test_failed_rows_are_named():
    document = documents.document()
    with pytest.raises(CnnedgeError, match=r"net_broken\.onnx failed: its process was killed by SIGSEGV"):
        fail_if_any({}, document)
    fail_if_any({}, replace(document, rows=document.rows[:2]))


def test_every_reason_is_said_where_several_files_failed(capsys):
    with pytest.raises(CnnedgeError, match=r"^2 files failed: a_int8\.tflite, a_int8\.onnx$"):
        fail_if_any({"a_int8.tflite": "no ranges", "a_int8.onnx": "no \x1b operator"})
    assert capsys.readouterr().err == "a_int8.tflite failed: no ranges\na_int8.onnx failed: no \\x1b operator\n"
