"""``cnnedge golden`` and ``cnnedge match``, as an app developer uses them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cnnedge.cli.app import run
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from tests.support import models
from tests.support.digits import write_image_folder
from tests.support.labelled_files import PASSPORT


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with digits by class, a file that knows them, and its golden pictures."""
    folder = tmp_path_factory.mktemp("work")
    write_image_folder(folder / "data", train=40, test=40)
    file = folder / "digits_int8.tflite"
    file.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    assert run(["golden", str(file), "--data", str(folder / "data"), "--out", str(folder / "golden")]) == 0
    return folder


@pytest.fixture
def here(work, tmp_path, monkeypatch):
    """A copy of all that, as the working folder."""
    shutil.copytree(work, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_golden_says_what_it_wrote_and_where_to_start(here, capsys):
    assert run(["golden", "digits_int8.tflite", "--data", "data", "--out", "other"]) == 0
    output = capsys.readouterr().out
    assert "20 pictures of data for digits_int8.tflite" in output and "other/README.txt" in output


def test_golden_is_the_same_every_time(here):
    assert run(["golden", "digits_int8.tflite", "--data", "data", "--out", "other"]) == 0
    files = sorted(path.name for path in (here / "golden").iterdir())
    assert files == sorted(path.name for path in (here / "other").iterdir())
    assert all((here / "golden" / name).read_bytes() == (here / "other" / name).read_bytes() for name in files)


def test_golden_refuses_before_it_works(here, capsys):
    assert run(["golden", "digits_int8.tflite", "--data", "no such data"]) == 1
    assert "golden already exists" in capsys.readouterr().err
    assert run(["golden", "digits_int8.tflite", "--data", "data", "--overwrite"]) == 0


def test_golden_refuses_data_with_other_classes(here, capsys):
    shutil.rmtree(here / "data" / "train" / "9")
    shutil.rmtree(here / "data" / "test" / "9")
    assert run(["golden", "digits_int8.tflite", "--data", "data", "--out", "other"]) == 1
    assert "data has the 9 classes 0, 1, 2 ..., digits_int8.tflite the 10 classes" in capsys.readouterr().err
    assert not (here / "other").exists()


@pytest.mark.parametrize("name", ["03_input.bin", "03_output.bin"])
def test_a_right_dump_is_a_match(here, capsys, name):
    assert run(["match", "digits_int8.tflite", f"golden/{name}"]) == 0
    output = capsys.readouterr()
    assert output.out == f"match: the {name[3:-4]} for picture 03 (3) is right\n" and output.err == ""


def test_a_mistake_is_named_with_what_to_do_and_ends_with_3(here, capsys):
    pixels = np.asarray(Image.open("golden/04.png"))
    (here / "dump.bin").write_bytes((pixels.T / np.float32(255)).tobytes())
    assert run(["match", "digits_int8.tflite", "dump.bin"]) == 3
    output = capsys.readouterr()
    assert "the input for picture 04 (4) has 3 mistakes:" in output.out
    for words in ("dtype: float32 for uint8", "transposed: rows", "scaling: pixels scaled to 0..1", "-> feed 0..255"):
        assert words in output.out
    assert max(map(len, output.out.splitlines())) <= 80
    assert output.err == "error: dump.bin: no match: dtype, transposed, scaling\n"


def test_json_is_one_document(here, capsys):
    assert run(["match", "digits_int8.tflite", "golden/06_input.bin", "--json", "--image", "7"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["mistakes"][0].pop("fix")
    assert document == {
        "dump": "golden/06_input.bin", "kind": "input", "match": False, "image": 6, "label": "6", "any_of": False,
        "mistakes": [{"name": "image", "found": "picture 06, not 07"}],
    }  # fmt: skip


def test_golden_folder_is_found_beside_the_file(here, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(["match", "here/digits_int8.tflite", "here/golden/01_input.bin"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no.tflite", "golden/00_input.bin"], 1, "no.tflite"),
        (["digits_int8.tflite", "no.bin"], 1, "no.bin: No such file"),
        (["digits_int8.tflite", "golden"], 1, "golden"),
        (["digits_int8.tflite", "empty.bin"], 1, "has 0 bytes"),
        (["digits_int8.tflite", "huge.bin"], 1, "has 9,000,000 bytes, expected 1 to"),
        (["digits_int8.tflite", "golden/00_input.bin", "--against", "data"], 1, "golden.json: No such file"),
        (["digits_int8.tflite", "golden/00_input.bin", "--image", "20"], 2, "expected 0 to 19"),
        (["other.tflite", "golden/00_input.bin"], 1, "was made for another file (digits_int8.tflite)"),
    ],
)
def test_what_cannot_be_used(here, capsys, arguments, code, words):
    (here / "empty.bin").write_bytes(b"")
    (here / "huge.bin").write_bytes(bytes(9_000_000))
    (here / "other.tflite").write_bytes(models.digits_tflite())
    assert run(["match", *arguments]) == code
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_no_golden_folder_at_all(here, capsys):
    shutil.rmtree("golden")
    (here / "dump.bin").write_bytes(b"1")
    assert run(["match", "digits_int8.tflite", "dump.bin"]) == 1
    assert "make one with cnnedge golden digits_int8.tflite --data" in capsys.readouterr().err


def test_another_tools_file_asks_what_to_feed_it_and_match_knows_from_the_folder(here, capsys):
    """Fed -1..1, as its maker meant; a dump of the picture so scaled is right, of the raw pixels it is not."""
    (here / "theirs.tflite").write_bytes(models.digits_tflite("float32", scaled=True))
    command = ["golden", "theirs.tflite", "--data", "data", "--out", "told"]
    assert run(command) == 2
    assert "theirs.tflite: what to feed it is unknown" in capsys.readouterr().err
    assert not (here / "told").exists()
    assert run([*command, "--mean", "127.5", "--std", "127.5"]) == 0
    pixels = np.asarray(Image.open("told/03.png"), np.float32)
    ((pixels - 127.5) / 127.5).astype(np.float32).tofile("fed.bin")
    pixels.tofile("raw.bin")
    assert run(["match", "theirs.tflite", "fed.bin", "--against", "told", "--image", "3"]) == 0
    assert run(["match", "theirs.tflite", "raw.bin", "--against", "told", "--image", "3"]) == 3
    assert "scaling-missing" in capsys.readouterr().err
