"""``cnnedge photos`` from a folder of photos to a verified file, a page that says why, and a second start."""

import json
import re
import shlex

import numpy as np
import pytest

from cnnedge.cli.app import run
from cnnedge.convert.converter import Converter
from cnnedge.documents.trials import read_search
from cnnedge.formats.model_file import open_model_file
from cnnedge.images.decode import decode
from cnnedge.photos import making
from tests.support.photos import CLASSES, write_photos
from tests.support.tutorials import transfer_learning


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One rule for ranges where three are tried, and fewer timed calls: half of the time."""
    monkeypatch.setattr("cnnedge.search.steps.RANGES", ("minmax",))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = write_photos(tmp_path_factory.mktemp("photos") / "my flowers", per_class=40)
    (folder / "rose" / "IMG_0003.jpg").write_bytes(b"\xff\xd8\xff no photo")
    return folder


def test_a_folder_becomes_a_file_and_the_lines_that_use_it(photos, tmp_path, capsys, monkeypatch):
    asked = ["photos", str(photos), "--size", "32", "--base", "none", "--epochs", "5", "--num-runs", "4"]
    asked += ["--out", str(tmp_path)]
    place = tmp_path / "my_flowers"
    monkeypatch.setattr("cnnedge.search.speeds.NUM_RUNS", 4)

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    made = []
    with monkeypatch.context() as patch:
        patch.setattr("cnnedge.pipeline.measure", stop)
        patch.setattr(making, "Converter", lambda *given, **more: made.append(Converter(*given, **more)) or made[0])
        assert run(asked) == 1
    assert made[0].learning.checkpoints == place, "a quantization-aware training goes on too"
    told = capsys.readouterr().err
    assert "3 classes, 119 photos: 70 to train on, 18 to decide on, 7 to calibrate with, 24 to test on" in told
    assert "train on 70 photos of 32 x 32: 5 epochs of 8 batches of 8" in told and "try tflite int8: 18 of 18" in told
    assert run(asked) == 1
    assert "holds an unfinished training: add --resume" in capsys.readouterr().err

    assert run([*asked, "--resume"]) == 0
    told = capsys.readouterr()
    assert "train photos" not in told.err and "try tflite" not in told.err, "nothing is done twice"
    record = read_search(place / "search.json")
    file = place / record.file
    assert told.out.startswith(f"use {file}: ") and "% right (" in told.out
    assert "18 validation images cannot tell whether it stays within 0.5 points; about " in told.out
    assert f"next: cnnedge predict {file} '{photos}/rose/IMG_" in told.err and f"next: cnnedge demo {file}" in told.err
    passport = open_model_file(file).passport
    assert passport.labels == CLASSES and passport.top1 == record.test.top1 > 0.9 and record.test.images == 24
    rows = json.loads((place / "benchmark.json").read_text())["rows"]
    assert {row["file"] for row in rows} == {file.name, "my_flowers.keras"}
    assert json.loads((place / "manifest.json").read_text())["training"]["size"] == 32
    assert {"search.html", "report.html", "history.csv"} <= {path.name for path in place.iterdir()}
    assert not (place / "checkpoint").exists() and not (place / "candidates").exists()
    assert json.loads((place / "benchmark.json").read_text())["made"]["paths"] == [str(place)]
    # What the card lacks, the command that it names makes, and in the folder where the card looks for it.
    assert run(["card", str(place)]) == 1
    command = re.search(r"my_flowers_float32.tflite: run cnnedge (export .*) --data DIR first", capsys.readouterr().err)
    assert run([*shlex.split(command[1]), "--data", str(photos)]) == 0
    assert (place / "my_flowers_float32.tflite").is_file()
    capsys.readouterr()

    assert run([*asked, "--resume"]) == 1
    assert "nothing is left to resume" in capsys.readouterr().err


def test_the_transfer_learning_tutorials_model_finds_its_file(tmp_path, capsys, monkeypatch, tensorflow):
    """The README's second command on a model of the tutorial's form, with a small network as its base."""
    folder = write_photos(tmp_path / "photos", 60, side=40, classes=CLASSES[:2])
    model = tmp_path / "my.keras"
    trained_like_the_tutorial(folder, monkeypatch).save(model)
    words = ["search", str(model), "--data", str(folder), "--max-drop", "0.5", "--out", str(tmp_path / "out")]
    assert run(words) == 0
    told, place = capsys.readouterr(), tmp_path / "out" / "my"
    record = read_search(place / "search.json")
    assert "two classes [1 - p, p] were made of it" in told.err and "within 0.5 points: " in told.out
    passport = open_model_file(place / record.file).passport
    assert passport.precision == "int8" and passport.labels == CLASSES[:2] and record.test.right == 24


def trained_like_the_tutorial(folder, monkeypatch):
    """On all photos of ``folder``: a yellow sunflower has more green than a red rose."""
    import keras

    def base(input_shape, **_):
        image = keras.Input(input_shape)
        maps = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(image)
        return keras.Model(image, keras.layers.Conv2D(160, 3, strides=2, activation="relu")(maps))

    monkeypatch.setattr(keras.applications, "MobileNetV2", base)
    model = transfer_learning(32)
    pictures = [decode(str(path), (32, 32, 3)) for path in sorted(folder.rglob("*.jpg"))]
    labels = np.repeat([0.0, 1.0], len(pictures) // 2)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(np.stack(pictures).astype("float32"), labels, epochs=15, verbose=0)
    return model


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--name", "../up"], 2, "--name '../up'"),
        (["--base", "MobilNetV2"], 2, "unknown --base 'MobilNetV2'"),
        (["--size", "16"], 2, "16 is not in the range 32<=x<=512"),
    ],
)
def test_what_cannot_work_is_said(more, code, message, photos, tmp_path, capsys):
    assert run(["photos", str(photos), "--out", str(tmp_path), *more]) == code
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_folder_and_no_photos(tmp_path, capsys):
    assert run(["photos", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is no folder: expected" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(["photos", str(tmp_path / "empty"), "--out", str(tmp_path)]) == 1
    assert "holds no pictures that can be read, expected" in capsys.readouterr().err
