"""``cnnedge score``: what it prints, writes and refuses."""

import json
import sys

import pytest
from PIL import Image

from cnnedge.cli.app import run
from tests.support import models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, four pictures in class folders (one misplaced, one of a class that the file lacks), one damaged."""
    folder = tmp_path_factory.mktemp("score")
    (folder / "colours.onnx").write_bytes(models.with_passport(models.colours_onnx()))
    for place, colour in (("red/1", "red"), ("red/2", "blue"), ("green/1", "green"), ("dark/1", "green")):
        path = folder / "photos" / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(models.colour_picture(colour)).save(path)
    (folder / "photos" / "red" / "3.png").write_bytes(b"no picture")
    (folder / "photos.txt").write_text("".join(f"{path}\tred\n" for path in (folder / "photos" / "red").iterdir()))
    (folder / "more.txt").write_text(f"{folder}/photos/dark/1.png\tviolet\n{folder}/photos/absent.png\tred\n")
    return folder


def score(folder, data: str, out: str, *more: str) -> int:
    words = ["score", str(folder / "colours.onnx"), "--data", str(folder / data), "--out", str(folder / out)]
    return run([*words, "--workers", "1", *more])


def test_summary_page_and_lines(folder, capsys):
    assert score(folder, "photos", "out") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:3] == ["green            2", "red              1", "blue             1"] or (
        "green            2" in said.out
    )
    assert "top-1 66.67% of the 3 pictures whose class is known (95 %: 20.77% to 93.85%)" in said.out
    assert "error            1  not a picture, or a damaged one" in said.out
    assert "a second" in said.err and "wrote 1 parts" in said.err
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["pictures"] == 5 and summary["accuracy"]["per_class"] == {"red": 0.5, "green": 1.0, "blue": None}
    assert summary["accuracy"]["confusion"] == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    page = (folder / "out" / "report.html").read_text()
    assert page.count('<img src="data:image/png') == 4 and "66.67%" in page


def test_classes_that_the_file_lacks_and_pictures_that_are_gone(folder, capsys):
    assert score(folder, "more.txt", "gone") == 0
    said = capsys.readouterr().out
    assert "1 pictures are of classes that the file does not have: violet" in said
    assert "error            1  No such file or directory" in said


@pytest.mark.parametrize(
    ("data", "more", "code", "expected"),
    [
        ("absent", (), 1, "does not exist: expected a folder, a pattern, a list"),
        ("photos", ("--engine", "spark"), 2, "--engine spark: expected local or ray"),
        ("photos", ("--ray-address", "auto"), 2, "--ray-address is for --engine ray"),
        ("photos", ("--engine", "ray", "--ray-address", "127.0.0.1:9"), 1, "no Ray cluster answers at 127.0.0.1:9 ("),
        ("photos", ("--top", "0"), 2, "0 is not in the range"),
    ],
)  # fmt: skip
def test_refusals(folder, capsys, data, more, code, expected):
    assert score(folder, data, "refused", *more) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line and not (folder / "refused").exists()


@pytest.mark.parametrize(("package", "more"), [("pyarrow", ()), ("ray.data", ("--engine", "ray"))])
def test_without_the_extra_it_says_what_to_install(folder, capsys, monkeypatch, package, more):
    monkeypatch.setitem(sys.modules, package, None)
    assert score(folder, "photos", "without", *more) == 1
    assert "needs it: pip install 'cnnedge[scale]'" in capsys.readouterr().err
