import json
import subprocess
import sys

import onnx
import pytest

from cnnedge.cli.app import run
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from tests.support import models
from tests.support.labelled_files import PASSPORT
from tests.support.tflite_objects import OPERATORS, first, packed, parsed


@pytest.fixture
def int8(tmp_path):
    path = tmp_path / "digits_int8.tflite"
    path.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    return path


@pytest.fixture
def float32(tmp_path):
    path = tmp_path / "colours.onnx"
    path.write_bytes(models.colours_onnx())
    return path


def test_table_fits_80_columns_and_says_what_to_feed(int8, capsys):
    assert run(["inspect", str(int8)]) == 0
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 80
    for words in ("tflite int8", "2 int8, 0 int16, 0 float", "uint8 1 x 28 x 28 x 1", "CONV_2D 1", "grey NHWC",
                  "0, 1, 2, 3", "GPU", "TFLite metadata: grey, (pixel - 0) / 1, labels.txt"):  # fmt: skip
        assert words in output


def test_table_of_another_tools_file(float32, capsys):
    assert run(["inspect", str(float32)]) == 0
    output = capsys.readouterr().out
    for words in ("onnx float32", "any x 4 x 4 x 3", "MatMul 1", "none: made by another tool", "free", "unknown"):
        assert words in output


def test_json_is_one_document_with_the_public_fields(int8, capsys):
    assert run(["inspect", str(int8), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {
        "file", "format", "precision", "size_bytes", "inputs", "outputs", "labels", "input_contract", "ops",
        "compute_ops_float", "compute_ops_int8", "weight_bytes", "macs", "passport",
    } <= set(report)  # fmt: skip
    assert set(report["inputs"][0]) == {"name", "shape", "dtype", "scale", "zero_point"}
    assert report["file"] == "digits_int8.tflite"


def test_requirements_that_are_met(int8):
    assert run(["inspect", str(int8), "--require", "int8,no-flex, static-batch"]) == 0


def test_requirements_that_are_not_met_end_with_3_and_name_the_operators(float32, capsys):
    assert run(["inspect", str(float32), "--require", "int8,static-batch", "--json"]) == 3
    output = capsys.readouterr()
    assert json.loads(output.out)["compute_ops_float"] == 1
    assert output.err.count("\n") == 1
    assert "not int8: ReduceMean (means), MatMul (logits); not static-batch: input image" in output.err


def test_unknown_requirement_is_wrong_usage(int8, capsys):
    assert run(["inspect", str(int8), "--require", "int9"]) == 2
    assert "expected int8, no-flex" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("a.tflite", b"only words", "text file"), ("a.onnx", b"\xff" * 30, "not an ONNX file"), ("a.h5", b"", "tflite")],
)
def test_files_that_are_no_model(tmp_path, capsys, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert run(["inspect", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_file_that_no_runtime_is_given_is_described_and_ends_with_1(tmp_path, capsys):
    model = parsed()
    first(model, OPERATORS.CONV_2D).builtinOptions.strideH = 0
    (tmp_path / "zero.tflite").write_bytes(packed(model))
    assert run(["inspect", str(tmp_path / "zero.tflite"), "--json"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["refused"] == "CONV_2D: option 2 is 0, expected 1..4096"
    assert output.err.count("\n") == 1 and "option 2 is 0, expected 1..4096: no runtime is given" in output.err


def test_operators_that_are_not_ours_are_no_fault_of_the_file(tmp_path, capsys):
    """Detection and speech are other purposes; ``--require`` is there for who wants to be sure."""
    model = onnx.load_from_string(models.colours_onnx())
    model.graph.node[3].op_type = "Hardmax"
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    assert run(["inspect", str(tmp_path / "other.onnx")]) == 0
    assert "no: operator 'Hardmax' is not one of those" in " ".join(capsys.readouterr().out.split())


def test_inspecting_needs_no_runtime_and_no_onnx(float32, int8):
    program = (
        "import sys\nfrom cnnedge.formats.inspection import inspect\n"
        "from cnnedge.formats.model_file import open_model_file as opened\n"
        f"inspect(opened({str(float32)!r})), inspect(opened({str(int8)!r}))\n"
        "print({'tensorflow', 'keras', 'onnx', 'onnxruntime', 'ai_edge_litert'} & set(sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert child.stdout == "set()\n"
