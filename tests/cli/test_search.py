"""``cnnedge search`` from a folder of pictures to a file within the limit, with a page that says why."""

import pytest

from cnnedge.cli.app import run
from cnnedge.documents.trials import read_search
from cnnedge.formats.model_file import open_model_file
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
    assert f"next: cnnedge predict {made}/digits_int8.tflite PICTURE.png" in told.err
    assert "tflite float16: " in told.err and "more of these, about" in told.err
    assert open_model_file(made / "digits_int8.tflite").passport.precision == "int8"
    record = read_search(made / "search.json")
    assert record.file == "digits_int8.tflite" and record.test.images == 120 and record.subject.validation == 200
    assert "taken" in (made / "search.html").read_text()

    assert search(model, folder, tmp_path, *asked) == 1
    assert "already exists" in capsys.readouterr().err
    assert search(model, folder, tmp_path, *asked, "--resume") == 0
    assert read_search(made / "search.json").trials == record.trials
    assert search(model, folder, tmp_path, *asked[:-1], "--prefer", "fastest", "--resume") == 2
    assert "is a search with other options" in capsys.readouterr().err


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
