"""``cnnedge search`` from a folder of pictures to a file within the limit, with a page that says why."""

from pathlib import Path

import pytest

from cnnedge.cli.app import run
from cnnedge.documents.trials import read_search
from cnnedge.formats.model_file import open_model_file
from tests.support import documents
from tests.support.digits import write_image_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_image_folder(tmp_path_factory.mktemp("digits"), train=None, test=12)


def search(model, folder, out, *more):
    return run(["search", str(model), "--data", str(folder), "--out", str(out), *more])


def test_a_folder_of_pictures_gives_a_file_a_record_and_a_page(model_folder, folder, tmp_path, capsys):
    model = model_folder / "digits.keras"
    asked = ["--max-drop", "5", "--precision", "int8,float16", "--no-qat"]
    assert search(model, folder, tmp_path, *asked) == 0
    told, made = capsys.readouterr(), tmp_path / "digits"
    assert "is the smallest of 4 that stays within 5 points" in told.out
    (words,) = (line.split() for line in told.err.splitlines() if line.startswith("next: "))
    assert words[1:4] == ["cnnedge", "predict", f"{made}/digits_int8.tflite"]
    assert Path(words[4]).is_relative_to(folder) and run(words[2:]) == 0, "what is said works"
    capsys.readouterr()
    assert "tflite float16: " in told.err and "more of these, about" in told.err
    assert open_model_file(made / "digits_int8.tflite").passport.precision == "int8"
    record = read_search(made / "search.json")
    assert record.file == "digits_int8.tflite" and record.test.images == 120 and record.subject.validation == 200
    assert "taken" in (made / "search.html").read_text()

    assert search(model, folder, tmp_path, *asked) == 1
    assert "already exist:" in capsys.readouterr().err
    assert search(model, folder, tmp_path, *asked, "--resume") == 0
    assert read_search(made / "search.json").trials == record.trials
    assert search(model, folder, tmp_path, *asked[:-1], "--prefer", "fastest", "--resume") == 2
    assert "is a search with other options" in capsys.readouterr().err


def test_the_fastest_on_a_board_is_told_by_its_benchmark_in_both_formats(
    model_folder, folder, tmp_path, capsys, monkeypatch
):
    """On this board int8 takes 3 ms as TFLite and 1 ms as ONNX: where it is measured here nothing is known of that."""
    monkeypatch.setattr("cnnedge.search.schemes.RANGES", ("minmax",))
    board = tmp_path / "pi.json"
    documents.document(
        documents.measurement("net_int8.tflite", 3, 0), documents.measurement("net_int8.onnx", 1, 0)
    ).write(board)
    asked = ["--format", "tflite,onnx", "--precision", "int8", "--prefer", "fastest", "--no-qat", "--max-drop", "5"]
    assert search(model_folder / "digits.keras", folder, tmp_path, *asked, "--latency-from", str(board)) == 0
    record = read_search(tmp_path / "digits" / "search.json")
    assert record.file == "digits_int8.onnx" and record.latency_from == str(board)
    assert {trial.format: round(trial.p50_ms) for trial in record.trials} == {"tflite": 3, "onnx": 1}
    assert open_model_file(tmp_path / "digits" / "digits_int8.onnx").passport.top1 == record.test.top1
    assert "tflite int8: " in (told := capsys.readouterr()).err and "onnx int8 is the fastest of 2" in told.out


@pytest.mark.parametrize(
    "more, code, message",
    [
        (
            ["--prefer", "smalest"],
            2,
            "unknown --prefer 'smalest': expected one of smallest, fastest; did you mean sm",
        ),
        (["--precision", "int9"], 2, "unknown precision 'int9'"),
        (["--format", "onnx", "--precision", "float16"], 2, "nothing to try: onnx files are not searched as float16"),
        (["--latency-from", "nowhere.json"], 1, "nowhere.json cannot be read"),
    ],
)
def test_what_cannot_work_is_said_first(more, code, message, model_folder, folder, tmp_path, capsys):
    assert search(model_folder / "digits.keras", folder, tmp_path, *more) == code
    assert message in capsys.readouterr().err.splitlines()[-1]
