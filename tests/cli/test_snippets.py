"""Code for phones, printed by ``inspect`` and written by ``export``."""

import json

import pytest

from cnnedge.apps.snippets.render import TITLES, as_markdown
from cnnedge.cli.app import run
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from tests.support import models
from tests.support.labelled_files import PASSPORT


@pytest.fixture
def int8(tmp_path):
    path = tmp_path / "digits_int8.tflite"
    path.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    return path


def test_inspect_prints_markdown_and_nothing_else(int8, capsys):
    assert run(["inspect", str(int8), "--snippets"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == (as_markdown(open_model_file(int8)), "")
    assert output.out.startswith("# digits_int8.tflite\n")


def test_inspect_adds_the_code_to_its_json(int8, capsys):
    assert run(["inspect", str(int8), "--snippets", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["snippets"]) == list(TITLES) and report["format"] == "tflite"


def test_inspect_has_no_code_for_onnx(tmp_path, capsys):
    (tmp_path / "colours.onnx").write_bytes(models.colours_onnx())
    assert run(["inspect", str(tmp_path / "colours.onnx"), "--snippets"]) == 2
    assert "written for .tflite files" in capsys.readouterr().err


@pytest.fixture
def keras_file(tmp_path):
    path = tmp_path / "digits.keras"
    models.digits_keras().save(path)
    return path


def test_export_writes_the_code_beside_each_tflite_file(keras_file, tmp_path, capsys):
    command = ["export", str(keras_file), "--precision", "float32", "--out", str(tmp_path / "out")]
    assert run([*command, "--snippets"]) == 0
    folder = tmp_path / "out" / "digits"
    assert "digits_float32_snippets.md" in capsys.readouterr().out
    assert [path.name for path in folder.glob("*.md")] == ["digits_float32_snippets.md"]
    assert (folder / "digits_float32_snippets.md").read_text() == as_markdown(
        open_model_file(folder / "digits_float32.tflite")
    )
    for file in (*folder.glob("*.tflite"), *folder.glob("*.onnx"), *folder.glob("*.keras")):
        file.unlink()
    assert run([*command, "--snippets"]) == 1
    assert "digits_float32_snippets.md already exists" in capsys.readouterr().err


def test_export_has_no_code_for_onnx_alone(keras_file, tmp_path, capsys):
    command = ["export", str(keras_file), "--format", "onnx", "--precision", "float32", "--out", str(tmp_path / "out")]
    assert run([*command, "--snippets"]) == 2
    assert "add tflite to --format" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
