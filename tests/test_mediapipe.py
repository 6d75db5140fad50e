"""What a phone does with our files: MediaPipe's ImageClassifier reads their metadata and gives our answers.

MediaPipe has dependencies of its own (OpenCV, matplotlib), so it lives in an environment of its own, kept between runs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.cli.app import run
from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.model.fold import fold
from cnnedge.model.keras_file import load_keras
from cnnedge.model.rgb_input import with_rgb_input
from cnnedge.passport import Passport

pytestmark = pytest.mark.xdist_group("mediapipe")

REPOSITORY = Path(__file__).parent.parent
EXPORTED = REPOSITORY / "exported"
# Its absl-py is newer than the build stack's, so our own pins do not fit it.
MEDIAPIPE = "mediapipe==1.2.2"
PICTURES = 100
CIFAR10 = sorted((EXPORTED / "cifar10").glob("*.tflite"))
# MediaPipe brings a TFLite of its own, whose float kernels may sum in another order: two classes closer than this
# (see tests/test_exported.py) can change places. Equal integers may be named in any order.
CLOSE = 1e-4


@pytest.fixture(scope="module")
def mediapipe() -> Path:
    """The Python of an environment with MediaPipe."""
    folder = REPOSITORY / ".cache" / f"mediapipe-python{sys.version_info.major}.{sys.version_info.minor}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists() or complete.read_text() != MEDIAPIPE:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, MEDIAPIPE], check=True)
        complete.write_text(MEDIAPIPE)
    return python


def save_pictures(folder: Path, data: str) -> Path:
    """The first test images as RGB pictures of their own size, named in their order."""
    for number, pixels in enumerate(pixels_of(datasets.load(data, image_shape=RGB[data]).test, PICTURES)):
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


RGB = {"cifar10": (32, 32, 3), "mnist": (28, 28, 3)}


def mnist_rgb(folder: Path) -> list[Path]:
    """What ``export mnist --rgb-input`` writes, without the evaluation of every file on all test images."""
    model = fold(with_rgb_input(load_keras(EXPORTED / "mnist" / "mnist.keras")))
    data = datasets.load("mnist", image_shape=RGB["mnist"])
    written = []
    for precision, dtype in (("float32", "float32"), ("int8", "uint8")):
        pixels = calibration_pixels(pixels_of(data.calibration))
        content = convert_tflite(model, precision=precision, pixels=pixels)
        passport = Passport("mnist_rgb", "tflite", precision, False, data.labels, RGB["mnist"], dtype, dtype)
        written.append(folder / f"mnist_rgb_{precision}.tflite")
        written[-1].write_bytes(embed_passport_tflite(content, passport))
    return written


def answers(mediapipe: Path, pictures: Path, models: list[Path]) -> dict:
    script = str(Path(__file__).with_name("support") / "mediapipe_classify.py")
    command = [str(mediapipe), script, str(pictures), *map(str, models)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def cifar10(mediapipe, tmp_path_factory):
    pictures = save_pictures(tmp_path_factory.mktemp("cifar10"), "cifar10")
    return pictures, answers(mediapipe, pictures, CIFAR10)


@pytest.fixture(scope="module")
def mnist(mediapipe, tmp_path_factory):
    pictures = save_pictures(tmp_path_factory.mktemp("mnist"), "mnist")
    models = mnist_rgb(tmp_path_factory.mktemp("models"))
    return pictures, answers(mediapipe, pictures, models)


def assert_same_top_1(model: str, pictures: Path, found: list[dict], capsys) -> None:
    assert isinstance(found, list), found
    assert run(["predict", model, str(pictures), "--json", "--top", "10"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert len(entries) == len(found) == PICTURES
    for entry, theirs in zip(entries, found, strict=True):
        ours = {(best["index"], best["label"]): best["score"] for best in entry["top"]}
        assert ours[theirs["index"], theirs["label"]] >= entry["score"] - CLOSE
        # MediaPipe multiplies an integer by its scale as we do, and rounds the product to a float32.
        assert theirs["score"] == pytest.approx(entry["score"], abs=CLOSE)


@pytest.mark.parametrize("model", CIFAR10, ids=lambda path: path.name)
def test_cifar10_files_give_the_top_1_of_predict(cifar10, model, capsys):
    pictures, found = cifar10
    assert_same_top_1(str(model), pictures, found[str(model)], capsys)


def test_mnist_files_with_rgb_input_give_the_top_1_of_predict(mnist, capsys):
    pictures, found = mnist
    assert len(found) == 2
    for model, theirs in found.items():
        assert_same_top_1(model, pictures, theirs, capsys)
        right = np.array([answer["index"] for answer in theirs]) == datasets.load("mnist").test.labels[:PICTURES]
        assert right.mean() >= 0.97  # 99.45 % on all of them


def test_this_module_runs_in_one_worker(request):
    """Two workers would make the environment at once, each clearing what the other has installed."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process anyway")
    assert request.node.nodeid.endswith("@mediapipe")


def test_grey_input_and_files_without_metadata_are_refused(mediapipe, cifar10, tmp_path):
    """Why ``--rgb-input`` and the metadata are there: if MediaPipe takes these one day, the README should say so."""
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(convert_tflite(fold(load_keras(EXPORTED / "mnist" / "mnist.keras")), precision="float32"))
    grey = EXPORTED / "mnist" / "mnist_int8.tflite"
    found = answers(mediapipe, cifar10[0], [bare, grey])
    assert all(isinstance(reason, str) for reason in found.values()), found
