import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.cli.app import run
from cnnedge.runtime.opening import open_runner
from tests.support import cameras, models
from tests.support.labelled_files import NAMES, foreign, logits_tflite


@pytest.fixture
def model(tmp_path):
    """A file that says which of red, green and blue is strongest."""
    path = tmp_path / "colours.onnx"
    path.write_bytes(models.with_passport(models.colours_onnx()))
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for name in models.COLOURS:
        Image.fromarray(models.colour_picture(name, (20, 30))).save(folder / f"{name}.png")
    Image.fromarray(models.colour_picture("green", (9, 9))).save(folder / "inner" / "deep.JPG")
    (folder / "notes.txt").write_text("no picture, and not named as one")
    return folder


def entries(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)


def test_one_picture_in_lines(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures / "green.png")]) == 0
    output = capsys.readouterr()
    score = 100 * models.colours_answer(models.colour_picture("green")[None])[0, 1]
    assert "green " in output.out
    assert f"{score:.1f} %" in output.out
    assert " ms" in output.out
    assert output.err == ""
    assert max(map(len, output.out.splitlines())) <= 80


def test_json_is_one_document_of_the_public_form(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures / "blue.png"), "--json", "--top", "2"]) == 0
    (entry,) = entries(capsys)
    expected = models.colours_answer(models.colour_picture("blue")[None])[0]
    assert entry["image"] == str(pictures / "blue.png")
    assert (entry["label"], entry["index"], entry["error"]) == ("blue", 2, None)
    assert entry["score"] == pytest.approx(expected[2], abs=1e-6)
    assert [(found["label"], found["index"]) for found in entry["top"]] == [("blue", 2), ("red", 0)]
    assert entry["ms"] > 0


def test_folders_are_searched_and_other_files_left_alone(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures), "--json"]) == 0
    found = entries(capsys)
    assert [os.path.relpath(entry["image"], pictures) for entry in found] == [
        "blue.png", "green.png", "red.png", "inner/deep.JPG",
    ]  # fmt: skip
    assert [entry["label"] for entry in found] == ["blue", "green", "red", "green"]


def test_files_left_out_of_a_folder_are_counted_by_their_ending(model, pictures, capsys, caplog):
    for name in ("a.tga", "b.TGA", "NOEXT"):
        (pictures / name).write_bytes(b"")
    assert run(["predict", str(model), str(pictures)]) == 0
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.endswith(
        "4 other files were left out: .tga (2), without ending (1), .txt (1); named one by one they are tried"
    )


def test_an_empty_name_is_no_folder(model, capsys):
    assert run(["predict", str(model), ""]) == 1
    assert "'': an empty name, expected that of a picture or a folder" in capsys.readouterr().err


def test_quoted_patterns(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures / "*e*.png"), "--json"]) == 0
    assert [entry["label"] for entry in entries(capsys)] == ["blue", "green", "red"]


def test_standard_input(model, pictures, capsys, monkeypatch):
    content = (pictures / "red.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run(["predict", str(model), "-", "--json"]) == 0
    assert [(entry["image"], entry["label"]) for entry in entries(capsys)] == [("-", "red")]


def test_bad_pictures_get_their_own_entry_and_the_others_go_on(model, pictures, tmp_path, capsys):
    (pictures / "a_empty.png").write_bytes(b"")
    (pictures / "b_text.jpg").write_text("words")
    (tmp_path / "nothing").mkdir()
    arguments = [str(pictures), str(tmp_path / "nothing"), str(tmp_path / "none.png"), str(tmp_path / "x*.png")]
    assert run(["predict", str(model), *arguments, "--json"]) == 1
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert [entry["label"] for entry in found] == [
        None, None, "blue", "green", "red", "green", None, None, None,
    ]  # fmt: skip
    reasons = [entry["error"] for entry in found if entry["error"]]
    for reason, words in zip(
        reasons,
        ["is empty", "not a picture", "no pictures in this folder", "No such file", "matches no file"],
        strict=True,
    ):
        assert words in reason
    assert output.err.count("\n") == 1
    assert "a_empty.png" in output.err
    assert "(and 4 more)" in output.err


def test_bad_pictures_in_lines(model, pictures, capsys):
    (pictures / "empty.png").write_bytes(b"")
    assert run(["predict", str(model), str(pictures)]) == 1
    output = capsys.readouterr().out
    assert "empty.png: is empty" in output
    assert "red" in output


def test_runners_up_are_shown_from_half_a_percent(model, tmp_path, capsys):
    mixed = np.full((4, 4, 3), 100, np.uint8)
    mixed[..., 0] = 140
    Image.fromarray(mixed).save(tmp_path / "mixed.png")
    assert run(["predict", str(model), str(tmp_path / "mixed.png")]) == 0
    score = 100 * models.colours_answer(mixed[None])[0, 1]
    assert f"green {score:.1f} %, blue {score:.1f} %" in capsys.readouterr().out


def test_file_without_labels_gets_numbers_and_says_so(tmp_path, pictures, capsys):
    path = tmp_path / "theirs.onnx"
    path.write_bytes(models.colours_onnx())
    assert run(["predict", str(path), str(pictures / "blue.png"), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)[0]["label"] == "2"
    assert output.err.startswith("note: theirs.onnx is another tool's (no passport): its classes are called 0, 1, 2")


def test_file_of_another_tool_is_called_by_its_metadata(tmp_path, pictures, capsys):
    path = tmp_path / "theirs.tflite"
    path.write_bytes(foreign().content)
    assert run(["predict", str(path), str(pictures / "red.png"), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)[0]["label"] in NAMES
    assert "its labels are those of its TFLite metadata" in output.err


def test_json_has_an_element_a_line(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures), "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[0].startswith("[{") and lines[-1].endswith("}]")


def test_a_folder_that_cannot_be_read_is_said(model, pictures, capsys, monkeypatch):
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("inner"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert run(["predict", str(model), str(pictures), "--json"]) == 1
    found = entries(capsys)
    assert [entry["label"] for entry in found] == ["blue", "green", "red", None]
    assert found[-1]["error"].endswith("inner: Permission denied: this folder was left out")


def test_memory_does_not_grow_with_the_number_of_pictures(model, pictures, monkeypatch):
    """Ten times the pictures, half of them unreadable, within 20 kB: less than 12 bytes a picture."""
    (pictures / "empty.png").write_bytes(b"")
    images = [str(pictures / "red.png"), str(pictures / "empty.png")]
    with Path(os.devnull).open("w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        run(["predict", str(model), *images, "--json"])  # what is loaded once is loaded now
        peaks = []
        for count in (100, 1000):
            arguments = ["predict", str(model), *(images * count), "--json"]
            tracemalloc.start()
            assert run(arguments) == 1
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    grown_arguments = 2 * 900 * 8 * 4  # the parser keeps a few lists of the arguments, 8 bytes each
    assert peaks[1] - peaks[0] < 20_000 + grown_arguments


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.tflite", b"words, not a model", "this is a text file"),
        ("model.tflite", b"", "the file is empty"),
        ("model.keras", b"", "model.keras makes them of it"),
        ("model.onnx", None, "No such file"),
    ],
)
def test_files_that_are_no_model(tmp_path, pictures, capsys, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run(["predict", str(tmp_path / name), str(pictures / "red.png")]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert words in output.err


@pytest.mark.parametrize("option", [["--top", "0"], ["--threads", "0"], []])
def test_wrong_usage(model, pictures, option):
    images = [str(pictures / "red.png")] if option else []
    assert run(["predict", str(model), *images, *option]) == 2


def test_as_a_program_with_a_reader_that_goes_away(model, pictures):
    (pictures / "notes.txt").unlink()
    command = f"{sys.executable} -m cnnedge predict {model} {' '.join([str(pictures)] * 500)} | head -1"
    child = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "blue" in child.stdout
    assert child.stderr == ""


@pytest.fixture(params=["picamera2", "cv2"])
def watching(request, model, tmp_path, monkeypatch):
    """``predict --camera`` as a program, before a stand-in camera; its lines are read from ``stdout``."""
    folder = tmp_path / "camera"
    folder.mkdir()
    cameras.install(folder, monkeypatch, request.param)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    programs = []

    def start(*options):
        command = [sys.executable, "-m", "cnnedge", "predict", str(model), "--camera", *options]
        program = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        programs.append(program)
        return program, folder

    yield start
    for program in programs:
        program.kill()
        program.communicate()


def test_camera_gives_a_json_object_a_line_through_unplugging(watching):
    program, folder = watching("--json", "--top", "1")
    first = json.loads(program.stdout.readline())
    assert (first["image"], first["label"], first["error"]) == ("camera 0", "red", None)
    assert first["ms"] > 0 and len(first["top"]) == 1
    cameras.unplug(folder)
    stopped = next(entry for entry in map(json.loads, program.stdout) if entry["error"])
    assert stopped["label"] is None and "stopped" in stopped["error"]
    cameras.unplug(folder, plugged=True)
    assert json.loads(program.stdout.readline())["label"] == "red"
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=20)
    # A camera that was away shows in the exit code, as a picture that could not be read does.
    assert program.returncode == 1
    assert errors.count("\n") == 1 and "stopped" in errors


def test_camera_in_lines_ends_quietly_with_ctrl_c(watching):
    program, _ = watching("0")
    assert "camera 0" in program.stdout.readline()
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=20)
    assert (program.returncode, errors) == (0, "")


def test_a_camera_that_is_not_there(watching):
    program, _ = watching("7")
    _, errors = program.communicate(timeout=20)
    assert program.returncode == 1
    assert errors.startswith("error: camera 7 (") and errors.count("\n") == 1


@pytest.mark.parametrize("images", [["photo.jpg"], ["0", "1"], ["-"]])
def test_camera_and_pictures_together_are_wrong_usage(model, images, capsys):
    assert run(["predict", str(model), "--camera", *images]) == 2
    assert "expected at most the number of the camera after it" in capsys.readouterr().err


def test_no_pictures_and_no_camera(model, capsys):
    assert run(["predict", str(model)]) == 2
    assert "name files, folders or - for standard input, or add --camera" in capsys.readouterr().err


def test_logits_are_never_shown_as_percent(tmp_path, capsys):
    path = tmp_path / "theirs.tflite"
    path.write_bytes(logits_tflite())
    Image.fromarray(models.digits("test")[0][0, ..., 0]).save(tmp_path / "digit.png")
    command = ["predict", str(path), str(tmp_path / "digit.png"), "--mean", "0", "--std", "1", "--top", "2"]
    assert run([*command, "--json"]) == 0
    (entry,) = entries(capsys)
    with open_runner(path) as runner:
        expected = np.sort(runner.predict(models.digits("test")[0][:1])[0])[::-1]
    assert entry["score"] is None and [found["score"] for found in entry["top"]] == [None, None]
    assert [entry["value"], *(found["value"] for found in entry["top"][1:])] == pytest.approx(expected[:2])
    assert run(command) == 0
    shown = capsys.readouterr()
    assert "%" not in shown.out and f"{expected[0]:.3g}" in shown.out
    assert "it ends in no softmax" in shown.err


def test_a_person_says_what_another_tools_file_is_fed_and_calls_its_classes(tmp_path, pictures, capsys):
    path = tmp_path / "theirs.onnx"
    path.write_bytes(models.colours_onnx(dtype="float32"))
    names = tmp_path / "names.txt"
    names.write_text("rouge\nvert\nbleu\n")
    assert run(["predict", str(path), str(pictures / "blue.png"), "--json", "--std", "4", "--labels", str(names)]) == 0
    (entry,) = entries(capsys)
    # The scores are a softmax over the channels' means divided by 32: fed a quarter, by 128.
    exponentials = np.exp(models.colour_picture("blue")[0, 0].astype(float) / 128)
    assert (entry["label"], entry["score"]) == ("bleu", pytest.approx(exponentials[2] / exponentials.sum(), abs=1e-6))
    assert run(["predict", str(path), str(pictures / "blue.png"), "--labels", "a,b"]) == 1
    assert "theirs.onnx: 2 labels for 3 classes" in capsys.readouterr().err


def test_a_file_with_a_passport_is_not_told_what_it_knows(model, pictures, capsys):
    assert run(["predict", str(model), str(pictures / "blue.png"), "--std", "255"]) == 2
    assert "it has a passport" in capsys.readouterr().err
