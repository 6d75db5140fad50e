"""What a Raspberry Pi gets: the package without extras, in a virtual environment of its own."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parent.parent
FORBIDDEN = ("tensorflow", "keras", "onnxruntime", "scipy", "matplotlib", "onnx")


@pytest.fixture(scope="module")
def light(tmp_path_factory) -> Path:
    """A fresh environment with the base install, at the pinned versions."""
    folder = tmp_path_factory.mktemp("light")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(REPOSITORY / "requirements.txt"), str(REPOSITORY)], check=True)
    return folder


def run(light: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(light / "bin" / "cnnedge"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_nothing_heavy_is_installed(light):
    listed = subprocess.run(
        [str(light / "bin" / "python"), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.lower()
    installed = {line.split("==")[0] for line in listed.splitlines()}
    assert "ai-edge-litert" in installed and not installed & set(FORBIDDEN)


def test_predict_and_inspect_work(light, tmp_path):
    with np.load(files("cnnedge.datasets") / "mnist_sample.npz") as sample:
        Image.fromarray(sample["x_test"][0, :, :, 0]).save(tmp_path / "digit.png")
        label = int(sample["y_test"][0])
    model = str(REPOSITORY / "exported" / "mnist" / "mnist_int8_qat.tflite")
    predicted = run(light, "predict", model, "digit.png", folder=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert f" {label} " in predicted.stdout
    inspected = run(light, "inspect", model, "--require", "int8,no-flex", folder=tmp_path)
    assert inspected.returncode == 0, inspected.stderr


@pytest.mark.parametrize("command", [("train", "mnist"), ("run", "mnist"), ("export", "mnist")])
def test_commands_without_their_extra_say_what_to_install(light, command, tmp_path):
    (tmp_path / "exported/mnist").mkdir(parents=True)
    if command[0] == "export":
        (tmp_path / "exported/mnist/mnist.keras").write_bytes(b"")
    found = run(light, *command, folder=tmp_path)
    assert found.returncode == 1
    assert found.stderr.strip().splitlines()[-1].endswith("pip install 'cnnedge[build]'")


def test_onnx_file_without_onnxruntime_says_what_to_install(light, tmp_path):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "digit.png")
    model = str(REPOSITORY / "exported" / "mnist" / "mnist_int8.onnx")
    found = run(light, "predict", model, "digit.png", folder=tmp_path)
    assert found.returncode == 1 and "pip install 'cnnedge[onnx]'" in found.stderr
