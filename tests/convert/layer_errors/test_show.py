"""``cnnedge inspect --errors`` as a person calls it."""

import importlib.util
import json
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from cnnedge.cli.app import run
from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold
from cnnedge.model.keras_file import save_keras
from cnnedge.model.networks import build_model

NAMES = ["conv1", "conv2", "pool1", "conv3", "conv4", "pool2", "conv5", "pool3", "logits", "probabilities"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained network as .keras and int8 .tflite, and 100 digits as pictures."""
    place = tmp_path_factory.mktemp("errors")
    with np.load(files("cnnedge.data.published") / "mnist_sample.npz") as sample:
        images, labels = sample["x_train"][:100], sample["y_train"][:100]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (place / "photos" / f"digit{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / "photos" / f"digit{label}" / f"{number}.png")
    model = build_model("mnist-tiny")
    save_keras(model, place / "digits.keras")
    content = convert_tflite(fold(model), precision="int8", pixels=calibration_pixels(images))
    (place / "int8.tflite").write_bytes(content)
    return place


@pytest.fixture(scope="module")
def command(folder) -> list[str]:
    against, data = str(folder / "digits.keras"), str(folder / "photos")
    return ["inspect", str(folder / "int8.tflite"), "--errors", "--against", against, "--data", data, "--limit", "10"]


def test_table_fits_80_columns_with_the_worst_layer_first(command, capsys):
    assert run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    heading = next(number for number, line in enumerate(lines) if line.split()[:3] == ["layer", "kind", "own"])
    table = [line.split() for line in lines[heading + 2 : heading + 2 + len(NAMES)]]
    assert sorted(cells[0] for cells in table) == sorted(NAMES)
    own = [float(cells[2].replace("exact", "inf")) for cells in table]
    assert own == sorted(own)
    assert "10 validation images of photos, against digits.keras." in [line.strip() for line in lines]


def test_json_has_the_layers_and_the_plot_is_written(command, capsys, tmp_path):
    plot = tmp_path / "noise.png"
    assert run([*command, "--json", "--plot", str(plot)]) == 0
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert (errors["against"], errors["split"], errors["images"]) == ("digits.keras", "validation", 10)
    assert sorted(layer["layer"] for layer in errors["layers"]) == sorted(NAMES)
    assert {"kind", "own_sqnr_db", "sqnr_db", "weight_sqnr_db", "mean_error", "saturated"} <= set(errors["layers"][0])
    with Image.open(plot) as drawn:
        assert drawn.format == "PNG" and len(np.unique(np.asarray(drawn))) > 10
    assert run([*command, "--plot", str(plot)]) == 1
    assert "already exists" in capsys.readouterr().err


def test_the_float_model_beside_a_file_is_found(folder, command, capsys):
    beside = folder / "digits_int8.tflite"
    beside.write_bytes((folder / "int8.tflite").read_bytes())
    data = command[command.index("--data") :]
    assert run(["inspect", str(beside), "--errors", *data]) == 0
    assert "against digits.keras." in capsys.readouterr().out
    assert run(["inspect", str(beside), "--errors"]) == 2  # no passport says whose pictures
    assert "add --data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--errors", "--data", "mnist"], "compares with the float model, which does not lie beside"),
        (["--data", "mnist", "--limit", "3"], "--data is for --errors: add that, or leave --data, --limit out"),
        (["--errors", "--against", "a.keras", "--data", "mnist", "--plot", "a.svg"], "ends in .png"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(folder, capsys, options, words):
    assert run(["inspect", str(folder / "int8.tflite"), *options]) == 2
    assert words in capsys.readouterr().err


def test_without_tensorflow_it_says_what_to_install(command, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name))
    assert run(command) == 1
    assert capsys.readouterr().err.endswith("pip install 'cnnedge[build]'\n")
