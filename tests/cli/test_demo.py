"""``cnnedge demo`` before a browser comes: wrong requests, missing npm, addresses, and the one file."""

import re
from pathlib import Path

import pytest

from cnnedge.apps.demo.addresses import qr_lines, urls
from cnnedge.apps.demo.runtimes import LITERT, runtime_files
from cnnedge.cli.app import run
from cnnedge.errors import DataError
from tests.support.tflite_objects import with_int8_ends

EXPORTED = Path(__file__).parents[2] / "exported"
TINY = str(EXPORTED / "mnist-tiny" / "mnist-tiny_int8.tflite")


def said(capsys, *arguments: str) -> tuple[int, str]:
    code = run(["demo", *arguments])
    return code, capsys.readouterr().err


def test_wrong_requests_are_one_line(tmp_path, capsys):
    assert said(capsys, str(tmp_path)) == (
        2, f"error: {tmp_path}: a folder without any .tflite or .onnx file: name a file, or export into it first\n"
    )  # fmt: skip
    page = tmp_path / "page.html"
    page.touch()
    code, error = said(capsys, TINY, "--export-html", str(page))
    assert code == 1 and "page.html already exists" in error
    code, error = said(capsys, TINY, "--host", "192.0.2.1")
    assert code == 1 and "cannot listen on 192.0.2.1, port 8017" in error


def test_without_npm_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    code, error = said(capsys, TINY, "--export-html", str(tmp_path / "page.html"))
    assert code == 1 and "@litertjs/core@2.5.3, which runs the files in a browser, could not be fetched" in error
    assert "npm is not installed" in error and "apt install npm" in error
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_runtime_is_not_served(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    LITERT.folder.mkdir(parents=True)
    for member in LITERT.files:
        (LITERT.folder / Path(member).name).write_text("alert(1)")
    with pytest.raises(DataError, match="could not be fetched"):
        runtime_files(["tflite"])


def test_a_file_that_cannot_be_shown_is_named_and_the_others_are(tmp_path, capsys):
    try:
        runtime_files(["tflite"])
    except DataError as error:
        pytest.skip(str(error))
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    (tmp_path / "whole.tflite").write_bytes(Path(TINY).read_bytes())
    code, error = said(capsys, str(tmp_path), "--export-html", str(tmp_path / "page.html"))
    assert code == 0 and re.search(r"^broken\.tflite is left out: .+", error, re.MULTILINE)
    text = (tmp_path / "page.html").read_text()
    assert '"refused": {"broken.tflite": "' in text and '"name": "whole.tflite"' in text
    (tmp_path / "whole.tflite").unlink()
    code, error = said(capsys, str(tmp_path))
    assert code == 2 and "none of the files can be shown: broken.tflite: " in error


def test_what_no_browser_feeds_is_refused_before_it_is_served(tmp_path, capsys):
    """LiteRT.js has no int8 tensors; here it can still be said what to do."""
    path = tmp_path / "bare.tflite"
    path.write_bytes(with_int8_ends(Path(TINY).read_bytes()))
    assert said(capsys, str(path), "--mean", "0", "--std", "1") == (
        2, "error: none of the files can be shown: bare.tflite: it has int8 input and int8 output, and LiteRT.js takes "
        "and gives float32, int32, uint8 alone: export it with --io uint8 or --io float32\n"
    )  # fmt: skip


def test_the_address_and_its_code():
    assert urls("127.0.0.1", 80, "abc") == ["http://127.0.0.1:80/abc/"]
    assert urls("::1", 80, "abc") == ["http://[::1]:80/abc/"]
    assert all(re.fullmatch(r"http://[\d.]+:8017/abc/", url) for url in urls("0.0.0.0", 8017, "abc"))
    lines = [re.sub("\x1b[^m]*m", "", line) for line in qr_lines("http://192.168.100.200:8017/" + "a" * 22 + "/")]
    # Version 3 has 29 modules, and two light ones on each side.
    assert {len(line) for line in lines} == {33} and len(lines) == 17
    # The finder pattern's outer ring, seven modules, top left.
    assert lines[1].startswith("  █▀▀▀▀▀█ ")
