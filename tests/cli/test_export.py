"""``cnnedge export`` of a model from elsewhere: a folder of pictures, raw pixels at every file."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from cnnedge.cli.app import run
from cnnedge.formats.model_file import open_model_file
from cnnedge.runtime.opening import open_runner

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """30 pictures a class, with the class's own channel 60 levels above the noise of the others."""
    root, rng = tmp_path_factory.mktemp("colours"), np.random.default_rng(4)
    for number, name in enumerate(NAMES):
        (root / name).mkdir()
        for index in range(30):
            pixels = rng.integers(0, 160, (8, 8, 3))
            pixels[..., 2 - number] += 60
            Image.fromarray(pixels.astype("uint8")).save(root / name / f"{index}.png")
    return root


def theirs(path, head="softmax"):
    """A nested network for pixels / 255 that tells the classes by their means; right in itself."""
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.RandomFlip(), layers.ReLU(max_value=1.0)])
    image = keras.Input((8, 8, 3))
    dense = layers.Dense(3, activation=head)
    model = keras.Model(image, dense(layers.GlobalAveragePooling2D()(inner(image))))
    dense.set_weights([40 * np.eye(3)[::-1], np.zeros(3)])
    model.save(path)
    return model


def export(path, folder, out, *more):
    return run([
        "export", str(path), "--data", str(folder), "--precision", "float32", "--format", "tflite", "--out", str(out),
        *more,
    ])  # fmt: skip


def test_a_model_for_scaled_pixels_stops_and_names_the_option(folder, tmp_path, capsys):
    theirs(tmp_path / "theirs.h5")
    assert export(tmp_path / "theirs.h5", folder, tmp_path) == 1
    assert "100% with pixels / 255: add --scale 255" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "theirs").exists()


def test_one_number_that_no_pictures_tell_of_is_said_to_be_unchecked(tmp_path, capsys):
    keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1)]).save(tmp_path / "one.keras")
    command = ["export", str(tmp_path / "one.keras"), "--precision", "float32", "--format", "tflite"]
    assert run([*command, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "one.keras: it gives one number without activation, taken for the logit of p: two classes [1 - p, p]" in said
    assert "one.keras: whether its one number is the logit of p was not checked: --data with labelled pictures" in said


def test_rgb_input_of_a_colour_model_is_refused_before_tensorflow_is_loaded(folder, tmp_path, capsys):
    theirs(tmp_path / "theirs.h5")
    assert export(tmp_path / "theirs.h5", folder, tmp_path, "--rgb-input") == 2
    assert capsys.readouterr().err == "error: the model takes 3 channels already: leave --rgb-input out\n"


def test_with_the_option_the_file_takes_raw_pixels(folder, tmp_path, capsys):
    model = theirs(tmp_path / "theirs.h5", head=None)
    assert (
        export(
            tmp_path / "theirs.h5", folder, tmp_path, "--scale", "255", "--labels", ",".join(NAMES), "--name", "mine"
        )
        == 0
    )
    said = capsys.readouterr().err
    assert "theirs.h5: it gives 3 numbers without activation, taken for logits: a softmax" in said
    assert "augmentation does nothing at inference and was left out: RandomFlip" in said
    file = open_model_file(tmp_path / "mine" / "mine_float32.tflite")
    assert file.labels == NAMES
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    expected = np.asarray(keras.ops.softmax(model(pixels / 255.0, training=False)))
    with open_runner(file) as runner:
        assert np.abs(runner.predict(pixels) - expected).max() < 1e-5
    baseline = keras.saving.load_model(tmp_path / "mine" / "mine.keras")
    assert np.abs(np.asarray(baseline(pixels.astype("float32"))) - expected).max() < 1e-5


@pytest.mark.parametrize(
    "more, code, message",
    [
        (["--labels", "a,b"], 2, "--labels names 2 classes and theirs.keras gives 3"),
        (["--scale", "255", "--preprocessing", "tf"], 2, "--scale and --preprocessing each say all"),
        (["--name", "../mine"], 2, "--name '../mine': expected a letter or digit"),
        (["--input-size", "9"], 1, "--input-size is 9, and the model takes (8, 8, 3) alone"),
        (["--allow-custom-objects", "no_such_module"], 1, "it cannot be imported"),
    ],
)
def test_options_that_do_not_fit(more, code, message, folder, tmp_path, capsys):
    theirs(tmp_path / "theirs.keras")
    assert export(tmp_path / "theirs.keras", folder, tmp_path / "out", *more) == code
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_layers_in_float_are_named_and_int8_can_be_required(folder, tmp_path, capsys):
    theirs(tmp_path / "theirs.keras")
    more = ["--scale", "255", "--precision", "int8", "--force-calibration", "--require"]
    assert export(tmp_path / "theirs.keras", folder, tmp_path / "all", *more, "int8,no-flex") == 0
    assert export(tmp_path / "theirs.keras", folder, tmp_path / "out", *more, "int8", "--float-layers", "logits") == 3
    told = capsys.readouterr()
    assert "theirs_int8_mixed.tflite: not int8: FULLY_CONNECTED" in told.err.splitlines()[-1]
    assert "theirs_int8_mixed.tflite calculates in float: logits (FULLY_CONNECTED)" in told.out
    file = open_model_file(tmp_path / "out" / "theirs" / "theirs_int8_mixed.tflite")
    assert file.passport.precision == "int8_mixed"
    assert file.passport.made["method"].endswith("in float32: logits")


@pytest.mark.parametrize(
    "more, message",
    [
        (["--require", "int9"], "unknown requirement 'int9'"),
        (["--float-layers", "a", "--precision", "float32"], "--float-layers is for int8 files: add int8"),
    ],
)
def test_gates_and_layers_that_do_not_exist_are_refused_first(more, message, folder, tmp_path, capsys):
    theirs(tmp_path / "theirs.keras")
    assert export(tmp_path / "theirs.keras", folder, tmp_path / "out", *more) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_layer_that_is_not_there_leaves_no_files(folder, tmp_path, capsys):
    """``dense_9`` could be what becomes of the file's ``dense``: that it is not is seen in the folded model alone."""
    theirs(tmp_path / "theirs.keras")
    end = keras.saving.load_model(tmp_path / "theirs.keras").layers[-1].name
    more = ["--scale", "255", "--precision", "float32,int8", "--float-layers", f"{end}_9"]
    assert export(tmp_path / "theirs.keras", folder, tmp_path / "out", *more) == 2
    assert f"no layer '{end}_9' to leave in float" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "out").rglob("*.*"))
