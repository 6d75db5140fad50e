"""What reaches the terminal: other people's text as text, whatever the streams are."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnnedge import console
from cnnedge.cli import app
from cnnedge.cli.app import run
from tests.support import models
from tests.support.labelled_files import foreign

HOSTILE = "cat\x1b[2J\r\nerror: forged\x9b31m\u202eexe.[red]x[/red]"
SHOWN = r"cat\x1b[2J\r\nerror: forged\x9b31m\u202eexe.[red]x[/red]"


def test_what_acts_on_a_terminal_is_shown_as_an_escape():
    assert console.plain(HOSTILE) == SHOWN
    assert console.plain("Größe 猫 👩\u200d🚀") == "Größe 猫 👩\u200d🚀"
    assert console.plain("b\udcff.png") == r"b\xff.png"
    assert console.plain("half \ud800 of \udfff") == r"half \ud800 of \udfff"


def test_json_has_no_number_that_json_does_not_have():
    found = console.json_text({"mean": (float("nan"), 1.5), "std": [float("inf")], "label": "猫"})
    assert json.loads(found, parse_constant=pytest.fail) == {"mean": [None, 1.5], "std": [None], "label": "猫"}


def test_labels_and_names_of_a_file_cannot_write_lines_of_their_own(tmp_path, capsys):
    names = tuple(f"{HOSTILE}{index}".replace("\r\n", "\x1b") for index in range(10))
    file = tmp_path / "[red]a\x1b]0;title\x07.tflite"
    file.write_bytes(foreign(names=names).content)
    picture = tmp_path / "one\ntwo.png"
    picture.write_bytes(b"no picture")
    run(["inspect", str(file)])
    run(["predict", str(file), str(picture)])
    printed = capsys.readouterr()
    for text in printed:
        assert not any(ord(character) < 32 and character != "\n" for character in text) and "\x9b" not in text
    assert r"[red]a\x1b]0;title\x07.tflite" in printed.out.replace("\n", "")
    assert r"[red]x[/red]" in printed.out and r"one\ntwo.png" in printed.out
    assert not any(line.startswith("two.png") for line in (printed.out + printed.err).splitlines())


def test_a_stage_named_in_markup_is_drawn_as_it_is(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with console.progress() as progress:
        progress("classify [red]\x1b.tflite", 1, 1)
    assert r"classify [red]\x1b.tflite" in capsys.readouterr().err


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_change_no_answer(closed, tmp_path):
    file, picture = tmp_path / "colours.onnx", tmp_path / "red.png"
    file.write_bytes(models.with_passport(models.colours_onnx()))
    from PIL import Image

    Image.fromarray(models.colour_picture("red")).save(picture)
    command = f'"{sys.executable}" -m cnnedge predict "{file}" "{picture}" absent.png {closed}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "red" in done.stdout or ">&-" in closed.replace("2>&-", "")
    assert done.stderr.startswith("error: absent.png") or "2>&-" in closed
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


def test_a_terminal_that_knows_only_ascii_gets_escapes(tmp_path):
    name = b"gr\xc3\xb6\xff.png"
    environment = {"PYTHONIOENCODING": "ascii:strict", "PYTHONPATH": str(Path(__file__).parents[1])}
    file = tmp_path / "colours.onnx"
    file.write_bytes(models.with_passport(models.colours_onnx()))
    command = [sys.executable, "-m", "cnnedge", "predict", str(file), bytes(tmp_path) + b"/" + name]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert rb"gr\xf6\xff.png" in done.stderr and done.stderr.startswith(b"error: ")


def test_a_full_disk_behind_the_answer_is_one_line():
    command = f'"{sys.executable}" -m cnnedge --version > /dev/full'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr == "error: No space left on device\n"


def test_a_full_disk_is_named_with_what_to_do(tmp_path, monkeypatch, capsys):
    where = str(tmp_path / "file.tflite")
    monkeypatch.setattr(
        app, "make_app", lambda names: _raising(OSError(errno.ENOSPC, "No space left on device", where))
    )
    assert app.run(["doctor"]) == 1
    assert capsys.readouterr().err == (
        f"error: No space left on device: {where}; make room there, or choose another place\n"
    )


def _raising(error):
    def run(**_):
        raise error

    return run
