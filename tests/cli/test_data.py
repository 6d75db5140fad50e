"""``cnnedge data`` on folders that are made here: 15 pictures of one colour and one of many."""

import json

import numpy as np
import pytest
from PIL import Image

from cnnedge.cli.app import run


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Twelve cats and one dog for training; of three cats and a dog for test, two cats were seen in training."""
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))
    levels = {"train/cat": range(12), "train/dog": [100], "test/cat": [0, 1, 50], "test/dog": [101]}
    for folder, values in levels.items():
        (tmp_path / "photos" / folder).mkdir(parents=True)
        for value in values:
            Image.new("RGB", (40, 40), (value, 2 * value, value)).save(tmp_path / "photos" / folder / f"{value}.png")
    patterned = np.arange(44 * 50 * 3, dtype=np.uint8).reshape(44, 50, 3)
    Image.fromarray(patterned).save(tmp_path / "photos/test/dog/101.png")
    return tmp_path / "photos"


def test_counts_leaks_and_damage_as_json(photos, capsys):
    (photos / "train/cat/99.png").write_bytes(b"<html>")
    assert run(["data", str(photos), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parts"] == {"train": {"cat": 12, "dog": 1}, "test": {"cat": 3, "dog": 1}}
    assert found["leaks"] == [{"of": "test", "in": "train", "images": 2}]
    assert (found["copies"], found["contradictions"]) == ({"train": 0, "test": 0}, 0)
    assert found["blank"] == {"train": 13, "test": 3} and found["sides"] == {"least": 40, "median": 40, "most": 44}
    assert len(found["unreadable"]) == 1 and "99.png: is a web page" in found["unreadable"][0]
    assert found["warnings"][0].startswith("2 of 4 pictures of test are also in train")


def test_a_table_of_the_classes(photos, capsys, caplog):
    assert run(["data", str(photos)]) == 0
    output = capsys.readouterr().out
    assert [line.split() for line in output.splitlines()[:4]] == [
        ["class", "train", "test"], ["cat", "12", "3"], ["dog", "1", "1"], ["all", "13", "4"],
    ]  # fmt: skip
    assert output.splitlines()[4:] == ["smaller side of a picture: 40 to 44 pixels, 40 in the middle"]
    assert "13 of 13 pictures of train are of one colour" in caplog.text
    assert "2 of 4 pictures of test are also in train" in caplog.text


def test_page_shows_pictures_of_every_class(photos, tmp_path, capsys):
    page = tmp_path / "looks.html"
    assert run(["data", str(photos), "--report", str(page)]) == 0
    assert page.read_text().count('<img src="data:image/png') == 8 + 1 + 3 + 1  # at most eight of a class and part
    assert "2 of 4 pictures of test are also in train" in page.read_text()
    assert run(["data", str(photos), "--report", str(page)]) == 1
    assert "already exists" in capsys.readouterr().err


def test_what_is_no_data_is_wrong_usage(tmp_path, capsys):
    assert run(["data", str(tmp_path / "none")]) == 2
    assert "unknown dataset" in capsys.readouterr().err
