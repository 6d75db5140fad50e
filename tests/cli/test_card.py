"""``cnnedge card`` on copies of the shipped models."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnedge.cli.app import run
from cnnedge.data import pixels_of

EXPORTED = Path(__file__).parents[2] / "exported"


def copy_of(model: str, folder: Path) -> Path:
    shutil.copytree(EXPORTED / model, folder / model, ignore=shutil.ignore_patterns("tensorboard", "*.html"))
    for written in ("README.md", "robustness.json"):
        (folder / model / written).unlink(missing_ok=True)
    return folder / model


def test_card_is_written_and_robustness_measured_once(tmp_path, capsys):
    folder = copy_of("mnist", tmp_path)
    command = ["card", str(folder), "--limit", "20"]
    assert run(command) == 0
    shown = capsys.readouterr()
    assert shown.out == f"written: {folder / 'robustness.json'}\nwritten: {folder / 'README.md'}\n"
    assert "classify corrupted images: 35 of 35" in shown.err
    document = json.loads((folder / "robustness.json").read_text())
    assert document["data"]["images"] == 20 and document["data"]["full_images"] == 10_000
    card = (folder / "README.md").read_text()
    assert "on 20 of 10,000 test images of mnist" in card and "CIFAR-10.1" not in card

    assert run(command) == 1
    assert "README.md already exists: choose another --out or add --overwrite" in capsys.readouterr().err
    assert run([*command, "--overwrite"]) == 0
    assert capsys.readouterr().out == f"written: {folder / 'README.md'}\n"
    elsewhere = tmp_path / "card.md"
    assert run([*command, "--out", str(elsewhere)]) == 0
    assert elsewhere.read_text() == (folder / "README.md").read_text()
    assert run(["card", str(folder), "--limit", "30", "--overwrite"]) == 0
    assert json.loads((folder / "robustness.json").read_text())["data"]["images"] == 30


def test_cifar10_1_from_the_users_files(tmp_path, capsys):
    folder, images = copy_of("cifar10", tmp_path), tmp_path / "cifar10.1"
    images.mkdir()
    # The first 2,000 test images, so that the answer is known from the confusion matrix's own source: the files.
    from cnnedge import data as datasets

    test = datasets.load("cifar10").test
    np.save(images / "cifar10.1_v6_data.npy", pixels_of(test, 2000))
    np.save(images / "cifar10.1_v6_labels.npy", test.labels[:2000].astype(np.int32))
    command = ["card", str(folder), "--limit", "4"]
    assert run(command) == 0
    assert "CIFAR-10.1: not measured" in (folder / "README.md").read_text()
    assert run([*command, "--overwrite", "--cifar10-1", str(images)]) == 0
    capsys.readouterr()
    found = json.loads((folder / "robustness.json").read_text())["cifar10_1"]
    assert (found["version"], found["images"]) == ("v6", 2000)
    whole = json.loads((folder / "manifest.json").read_text())["files"]["cifar10_float32.tflite"]["top1"]
    # 2,000 images have the top-1 of the whole split within 3.5 standard errors.
    near = 3.5 * (whole * (1 - whole) / 2000) ** 0.5
    assert all(abs(row["top1"] - whole) < near and row["top1_low"] < row["top1"] for row in found["rows"])
    assert f"{100 * found['rows'][0]['top1']:.2f} (" in (folder / "README.md").read_text()
    # Kept when only the corrupted images are measured again.
    assert run(["card", str(folder), "--limit", "5", "--overwrite"]) == 0
    assert json.loads((folder / "robustness.json").read_text())["cifar10_1"] == found


def test_cifar10_1_is_not_for_digits(tmp_path, capsys):
    folder = copy_of("mnist", tmp_path)
    assert run(["card", str(folder), "--cifar10-1", str(tmp_path)]) == 2
    assert "--cifar10-1 is for networks with CIFAR-10's classes" in capsys.readouterr().err
    assert not (folder / "README.md").exists()


@pytest.mark.parametrize("missing", ["manifest.json", "benchmark.json", "mnist_float32.tflite"])
def test_what_is_missing_is_named_before_the_long_work(missing, tmp_path, capsys):
    folder = copy_of("mnist", tmp_path)
    (folder / missing).unlink()
    assert run(["card", str(folder)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and missing in errors[0] and ("run" in errors[0])
    assert "mnist_int8" not in errors[0]  # which is there
    assert not (folder / "robustness.json").exists()


def test_help_teaches(capsys):
    assert run(["card", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "cnnedge card exported/mnist" in shown and "robustness.json" in shown
