"""``cnnedge train`` from the outside: real commands on a folder of digits, killed and resumed for real."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.cli.app import run

# Importing jax sets this in the process of the tests; a person's shell has it unset.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# 96 of the 200 digits are trained on, the others held out: 3 steps an epoch.
SHIPPED = Path(__file__).parents[2] / "exported" / "mnist-tiny" / "mnist-tiny.keras"
ARGUMENTS = ["train", "mnist-tiny", "--epochs", "4", "--batch-size", "25"]


@pytest.fixture
def digits(digit_folder) -> Path:
    """20 pictures of each class, with no split for testing."""
    return digit_folder / "train"


def command(*arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "cnnedge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != LOG_LEVEL} | environment,
    )


def noise(errors: str) -> list[str]:
    """The lines on standard error that are not ours."""
    ours = ("loading ", "next: ", "decode images: ", "only 160 training images: ", "train mine: ", "train mnist-tiny: ")
    return [line for line in errors.splitlines() if not line.startswith(ours)]


def epochs_in(history: Path) -> list[str]:
    return [line.split(",")[0] for line in history.read_text().splitlines()[1:]] if history.exists() else []


def wait_for_row(history: Path, process: subprocess.Popen) -> None:
    """Until a second epoch is done, thus the first's checkpoint; 120 s is ten times what it takes on two busy cores."""
    deadline = time.monotonic() + 120
    while len(epochs_in(history)) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_and_resumed(digits, tmp_path, capsys):
    arguments = [*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path), "--name", "mine"]
    arguments[3] = "30"
    folder = tmp_path / "mine"
    process = command(*arguments)
    wait_for_row(folder / "history.csv", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "mine.keras").exists()
    assert len(epochs_in(folder / "history.csv")) < 30

    assert run(arguments) == 1
    assert "unfinished training: add --resume" in capsys.readouterr().err

    assert run([*arguments, "--seed", "1", "--resume"]) == 2
    assert "made with seed 0, not 1" in capsys.readouterr().err

    arguments[3] = "31"
    process = command(*arguments, "--resume")
    output, errors = process.communicate()
    assert (process.returncode, noise(errors)) == (0, []), errors
    assert output.startswith(f"{folder / 'mine.keras'}: ")
    assert "right on 32 validation images" in output
    assert len(output.splitlines()) == 1
    assert epochs_in(folder / "history.csv") == [str(epoch) for epoch in range(31)]
    first, then = json.loads((folder / "manifest.json").read_text())["training"]["cost"]["parts"]
    assert (first["planned_epochs"], then["planned_epochs"], first["epochs"] + then["epochs"]) == (30, 31, 31)
    assert (folder / "mine.keras").stat().st_size > 10_000
    assert not (folder / "checkpoint").exists()

    assert run(arguments) == 1
    assert "mine.keras and 1 more already exist: choose another --out" in capsys.readouterr().err


KILL = """
import os, signal, sys
from cnnedge.cli.app import run
from cnnedge.training import checkpoint
def die(folder, *arguments):
    # A removal that finds nothing to remove is the one before a training begins.
    checkpoint.is_unfinished(folder) and os.kill(os.getpid(), signal.SIGKILL)
setattr(checkpoint, sys.argv[1], die)
run(sys.argv[2:])
"""


@pytest.mark.parametrize("moment", ["mark_trained", "discard"])
def test_killed_after_the_model_was_saved(moment, digits, tmp_path, capsys):
    """Between ``<model>.keras`` and the mark that it is trained, and between that and the removal."""
    arguments = [*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path)]
    # The first removal of all, at the beginning of the training, is not the one that is meant.
    code = (
        KILL
        if moment == "mark_trained"
        else KILL.replace("lambda *arguments:", "lambda folder: checkpoint.state_file(folder).exists() and")
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, moment, *arguments], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = tmp_path / "mnist-tiny"
    saved, history = (folder / "mnist-tiny.keras").read_bytes(), (folder / "history.csv").read_bytes()

    assert run(arguments) == 1
    assert "unfinished training: add --resume" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0
    assert "train mnist-tiny: " not in capsys.readouterr().err
    assert (folder / "history.csv").read_bytes() == history
    assert "parts" not in json.loads((folder / "manifest.json").read_text())["training"]["cost"]
    if moment == "discard":
        assert (folder / "mnist-tiny.keras").read_bytes() == saved
    assert not (folder / "checkpoint").exists() and not list(folder.glob(".*"))
    assert run([*arguments, "--resume"]) == 1
    assert "nothing is left to resume: use it, or add --overwrite" in capsys.readouterr().err


def test_typos_are_reported_before_anything_loads(digits, tmp_path):
    """In a fresh interpreter in which Keras and Pillow cannot be imported."""
    photo = tmp_path / "photo.keras"
    photo.write_bytes(b"")
    code = (
        "import sys; sys.modules.update(keras=None, tensorflow=None, PIL=None)\n"
        "from cnnedge.cli.app import run\n"
        "wrong = (['--init', 'typo.keras'], ['--teacher', sys.argv[2]], ['--preset', 'slow'], ['--data', 'cifar10'])\n"
        "for last in wrong:\n"
        "    print(run(['train', 'mnist-tiny', '--data', sys.argv[1], '--out', sys.argv[3], *last]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(digits), str(photo), str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "1", "2", "2"], done.stderr
    for line, expected in zip(
        done.stderr.splitlines(),
        (
            "typo.keras does not exist",
            "photo.keras is not a Keras model file",
            "unknown preset 'slow'",
            "cifar10 has images of",
        ),
        strict=True,
    ):
        assert line.startswith("error: ") and expected in line


def test_on_jax(digits, tmp_path):
    """The same command, the same files but for TensorBoard's."""
    arguments = [*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path)]
    process = command(*arguments, KERAS_BACKEND="jax")
    output, errors = process.communicate()
    assert (process.returncode, noise(errors)) == (0, []), errors
    folder = tmp_path / "mnist-tiny"
    assert output.startswith(f"{folder / 'mnist-tiny.keras'}: ")
    assert epochs_in(folder / "history.csv") == ["0", "1", "2", "3"]
    assert not (folder / "tensorboard").exists()


def test_width_and_what_the_training_cost_are_noted(digits, tmp_path, capsys):
    assert run([*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path), "--width", "2"]) == 0
    capsys.readouterr()
    training = json.loads((tmp_path / "mnist-tiny" / "manifest.json").read_text())["training"]
    assert (training["width"], training["init"], training["teacher"]) == (2.0, None, None)
    cost = training["cost"]
    assert (cost["epochs"], cost["train_images"]) == (4, 75)  # three batches of 25
    # Both are rounded: the seconds to 0.1, the pace to 0.1.
    assert cost["images_per_second"] == pytest.approx(4 * 75 / cost["seconds"], abs=0.1)
    with zipfile.ZipFile(tmp_path / "mnist-tiny" / "mnist-tiny.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    # The tiny network has 8 and 16 channels, the mnist network at half width; doubled, they are that network's.
    filters = [layer["config"]["filters"] for layer in layers if layer["class_name"] == "Conv2D"]
    assert filters == [16, 16, 32, 32, 32]


def test_a_stack_is_built_and_noted(digits, tmp_path, capsys):
    assert run([*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path), "--stack", "8-P-12-P"]) == 0
    capsys.readouterr()
    training = json.loads((tmp_path / "mnist-tiny" / "manifest.json").read_text())["training"]
    assert (training["network"], training["stack"]) == ("mnist-tiny", "8-P-12-P")
    with zipfile.ZipFile(tmp_path / "mnist-tiny" / "mnist-tiny.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    assert [layer["config"]["filters"] for layer in layers if layer["class_name"] == "Conv2D"] == [8, 12]


def test_what_changes_the_recipe_reaches_it(digits, tmp_path, capsys):
    options = ["--epochs", "1", "--muon", "0.05", "--trivial", "--half"]
    assert run([*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path), *options]) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "mnist-tiny" / "manifest.json").read_text())["training"]["recipe"]
    assert (found["epochs"], found["muon_rate"], found["half"]) == (1, 0.05, True)
    assert found["augmentation"]["trivial"] and found["augmentation"]["rotate"] == 10


@pytest.fixture
def shades(tmp_path) -> Path:
    """20 pictures each of dark and of light noise."""
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 120)):
        (tmp_path / "shades" / name).mkdir(parents=True)
        for index in range(20):
            pixels = rng.integers(low, low + 120, (16, 12, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "shades" / name / f"{index}.png")
    return tmp_path / "shades"


def test_any_network_is_taken_up(shades, tmp_path, capsys):
    """Its own size, logits, pixels scaled outside, a map of classes at its end: a head first, then all of it."""
    import keras

    from cnnedge.model.keras_file import load_keras

    keras.utils.set_random_seed(2)
    image = keras.Input((16, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="probabilities")(image)
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.MaxPooling2D(4)(x))
    x = keras.layers.Flatten()(keras.layers.GlobalAveragePooling2D(keepdims=True)(keras.layers.Conv2D(5, 1)(x)))
    theirs = keras.Model(image, x)
    theirs.export(tmp_path / "theirs", verbose=False)
    arguments = ["train", "--init", str(tmp_path / "theirs"), "--data", str(shades), "--out", str(tmp_path / "out")]

    assert run([*arguments, "--scale", "255", "--epochs", "2"]) == 0, capsys.readouterr().err
    shown = capsys.readouterr()
    folder = tmp_path / "out" / "theirs"
    assert (
        "it gives 5 numbers without activation, taken for logits" in shown.err
        and "right on 6 validation images" in shown.out
    )
    assert "train theirs: " in shown.err
    assert sorted(path.name for path in folder.glob("*.*")) == ["history.csv", "manifest.json", "theirs.keras"]
    training = json.loads((folder / "manifest.json").read_text())["training"]
    assert (training["network"], training["shape"], len(epochs_in(folder / "history.csv"))) == ("own", [16, 12, 3], 2)
    assert training["init"]["file"].startswith("start_theirs_")
    trained = load_keras(folder / "theirs.keras")
    assert trained.output_shape == (None, 2)
    kernels = [layer.kernel for layer in trained.layers if isinstance(layer, keras.layers.Conv2D)]
    assert not np.array_equal(kernels[0], theirs.get_layer("probabilities").kernel)


def test_list(capsys):
    assert run(["train", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["mnist", "mnist-tiny", "cifar10", "cifar10-small"]
    assert "quick 3 epochs, full 60 epochs" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train"], 2, "no MODEL given"),
        (["train", "resnet"], 2, "unknown model 'resnet': expected one of mnist,"),
        (["train", "mnist", "--preset", "slow"], 2, "unknown preset 'slow': expected one of quick, full"),
        (["train", "mnist", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["train", "mnist", "--data", "/nowhere"], 2, "unknown dataset '/nowhere'"),
        (["train", "mnist", "--muon", "2"], 2, "muon_rate is 2.0, expected at least 0 and below 1"),
        (["train", "--init", str(SHIPPED), "--muon", "0.05"], 2, "--muon is for a network of cnnedge train --list"),
        (["train", "--init", str(SHIPPED), "--trivial"], 2, "--trivial is for a network of cnnedge train --list"),
        (["train", "mnist", "--scale", "255"], 2, "are mnist's own: leave MODEL out"),
        (["train", "--init", "typo.h5", "--data", "mnist"], 1, "typo.h5 does not exist"),
        (["train", "--init", str(SHIPPED)], 2, "alone is trained on pictures of yours: add --data"),
        (["train", "--init", str(SHIPPED), "--width", "2"], 2, "--width is for a network of cnnedge train --list"),
        (["train", "--init", str(SHIPPED), "--stack", "8-P"], 2, "--stack is for a network of cnnedge train --list"),
        (["train", "mnist", "--stack", "8-x"], 2, "the stack is '8-x', expected filters and poolings like 16-16-P-32"),
        (["train", "mnist", "--stack", "8-P", "--init", str(SHIPPED)], 2, "brings its own layers: leave --stack 8-P"),
    ],
)
def test_refusals(arguments, code, message, tmp_path, capsys):
    assert run([*arguments, "--out", str(tmp_path)]) == code
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert len(shown.err.splitlines()) == 1
    assert message in shown.err
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_init_is_one_line(digits, tmp_path, capsys):
    bad = tmp_path / "bad.keras"
    bad.write_bytes(b"hello")
    out = tmp_path / "out"
    assert run([*ARGUMENTS, "--data", str(digits), "--out", str(out), "--init", str(bad)]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert errors == [
        f"error: {bad} is not a Keras model file: expected a .keras or .h5 file as model.save() writes it"
    ]
    assert not out.exists()


def test_an_unwritable_folder_is_one_line(digits, tmp_path, capsys):
    """A file stands where the folder should be; root may write anywhere, so that permissions prove nothing."""
    (tmp_path / "file").write_text("")
    assert run([*ARGUMENTS, "--data", str(digits), "--out", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


def test_an_unknown_backend_is_named(tmp_path):
    process = command("train", "mnist", "--out", str(tmp_path), KERAS_BACKEND="caffe")
    output, errors = process.communicate()
    assert (process.returncode, output) == (2, "")
    assert errors == "error: KERAS_BACKEND is 'caffe', expected one of tensorflow, jax, torch\n"
