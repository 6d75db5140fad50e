"""A command reads its model file once, however much it wants to know of it."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cnnedge.cli.app import run
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from tests.support import models
from tests.support.labelled_files import PASSPORT

# Hooks of the interpreter cannot be taken out again, so there is one for all tests, which looks at these.
_watched: list[str] = []
_opens: list[str] = []


def _note(event: str, arguments: tuple) -> None:
    if event == "open" and _watched and str(arguments[0]) in _watched:
        _opens.append(str(arguments[0]))


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_note)


@contextlib.contextmanager
def opens_of(path: Path) -> Iterator[list[str]]:
    """Every open of ``path`` by Python, whatever function does it."""
    _opens.clear()
    _watched.append(str(path))
    try:
        yield _opens
    finally:
        _watched.clear()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "digits_int8.tflite"
    path.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """A class folder of real digits, enough for a golden folder and a dump of one of its inputs."""
    folder = tmp_path_factory.mktemp("photos")
    images, labels = models.digits("test")
    for number, (image, label) in enumerate(zip(images[:100], labels[:100], strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / str(label) / f"{number}.png")
    return folder


def test_the_counting_counts(file):
    with opens_of(file) as opens:
        file.read_bytes()
        with file.open("rb") as stream:
            stream.read()
    assert len(opens) == 2


@pytest.mark.parametrize("options", [["--json"], ["--snippets"], ["--snippets", "--json"], []])
def test_inspect_opens_its_file_once(file, options, capsys):
    with opens_of(file) as opens:
        assert run(["inspect", str(file), *options]) == 0
    assert len(opens) == 1


def test_predict_opens_its_file_once(file, digits, capsys):
    with opens_of(file) as opens:
        assert run(["predict", str(file), str(digits / "7"), "--json"]) == 0
    assert len(opens) == 1


def test_golden_and_match_open_their_file_once(file, digits, tmp_path, capsys):
    folder = tmp_path / "golden"
    with opens_of(file) as opens:
        assert run(["golden", str(file), "--data", str(digits), "--out", str(folder)]) == 0, capsys.readouterr().err
    assert len(opens) == 1
    with opens_of(file) as opens:
        assert run(["match", str(file), str(folder / "03_input.bin"), "--against", str(folder)]) == 0
    assert len(opens) == 1
