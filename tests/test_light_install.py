"""What a Raspberry Pi gets: the package without extras, in an environment of its own.

On the Pythons of Raspberry Pi OS: Bookworm has 3.11, Trixie 3.13. Where this machine lacks one, its environment is
skipped, but not the look for its wheels.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parent.parent
PINS = dict(re.findall(r"^([a-z0-9-]+)==([^ \n]+)", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE))
PYTHONS = ("3.11", "3.13")
# What pyproject.toml asks for, and what these packages ask for in turn.
DIRECT = {"numpy", "pillow", "ai-edge-litert", "pooch", "psutil", "typer", "rich"}
LITERT_NEEDS = {"backports-strenum", "flatbuffers", "ml-dtypes", "protobuf", "tqdm", "typing-extensions"}
POOCH_NEEDS = {"certifi", "charset-normalizer", "idna", "packaging", "platformdirs", "requests", "urllib3"}
TYPER_NEEDS = {"annotated-doc", "shellingham"}
RICH_NEEDS = {"markdown-it-py", "mdurl", "pygments"}
LIGHT = DIRECT | LITERT_NEEDS | POOCH_NEEDS | TYPER_NEEDS | RICH_NEEDS
# What glibc 2.36 of Bookworm and 2.41 of Trixie run.
PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in (17, 27, 28)] + ["manylinux2014_aarch64"]


def find_python(version: str) -> str | None:
    """An interpreter of this version: the running one, on PATH, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(map(str, pyenv.glob(f"{version}.*/bin/python3")))
    for candidate in [sys.executable, f"python{version}", *installed]:
        ask = [candidate, "-c", "import sys; print('.'.join(map(str, sys.version_info[:2])))"]
        if shutil.which(candidate):
            said = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
            if said.strip() == version:  # pyenv's shims are on PATH whether or not there is anything behind them
                return candidate
    return None


# One process of pytest-xdist makes each environment.
@pytest.fixture(
    scope="module",
    params=[pytest.param(version, marks=pytest.mark.xdist_group(f"light install {version}")) for version in PYTHONS],
)
def light(request, tmp_path_factory) -> Path:
    """A fresh environment with the base install, at the pinned versions."""
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"this machine has no Python {request.param}")
    folder = tmp_path_factory.mktemp("light")
    # From a copy: setuptools builds in the folder, where two builds would meet.
    shutil.copytree(REPOSITORY / "cnnedge", folder / "checkout" / "cnnedge")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(REPOSITORY / name, folder / "checkout")
    subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", REPOSITORY / "requirements.txt", folder / "checkout"], check=True)
    return folder / "venv"


def run(light: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(light / "bin" / "cnnedge"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_the_small_packages_are_installed_and_no_other(light):
    listed = subprocess.run(
        [light / "bin/python", "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout
    installed = {re.sub(r"[._]", "-", line.split("==")[0].lower()) for line in listed.splitlines()}
    assert installed - {"pip", "setuptools"} == {"cnnedge", *LIGHT}


def test_predict_and_inspect_work(light, tmp_path):
    with np.load(files("cnnedge.data.published") / "mnist_sample.npz") as sample:
        Image.fromarray(sample["x_test"][0, :, :, 0]).save(tmp_path / "digit.png")
        label = int(sample["y_test"][0])
    model = str(REPOSITORY / "exported" / "mnist" / "mnist_int8_qat.tflite")
    predicted = run(light, "predict", model, "digit.png", folder=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert f" {label} " in predicted.stdout
    inspected = run(light, "inspect", model, "--require", "int8,no-flex", folder=tmp_path)
    assert inspected.returncode == 0, inspected.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("train", "cifar10"),
        ("run", "cifar10"),
        ("export", "exported/mnist/mnist.keras", "--out", "new"),
        ("card", "exported/mnist"),
    ],
)
def test_commands_without_their_extra_say_what_to_install(light, command, tmp_path):
    shutil.copytree(REPOSITORY / "exported/mnist", tmp_path / "exported/mnist", ignore=shutil.ignore_patterns("*.md"))
    found = run(light, *command, folder=tmp_path)
    assert found.returncode == 1
    assert found.stderr.strip().splitlines()[-1].endswith("pip install 'cnnedge[build]'")


def test_onnx_file_without_onnxruntime_says_what_to_install(light, tmp_path):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "digit.png")
    model = str(REPOSITORY / "exported" / "mnist" / "mnist_int8.onnx")
    found = run(light, "predict", model, "digit.png", folder=tmp_path)
    assert found.returncode == 1 and "pip install 'cnnedge[onnx]'" in found.stderr


@pytest.mark.parametrize("version", PYTHONS)
def test_every_pinned_package_has_a_wheel_for_the_pi(version, tmp_path):
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", tmp_path]
    wanted = ["--python-version", version, "--only-binary=:all:", "--constraint", REPOSITORY / "requirements.txt"]
    subprocess.run([*pip, *platforms, *wanted, *DIRECT, "onnxruntime"], check=True)
    wheels = [wheel.stem.split("-") for wheel in tmp_path.iterdir()]
    assert {name.replace("_", "-"): version for name, version, *_ in wheels} == {
        name: PINS[name] for name in (*LIGHT, "onnxruntime")
    }
    assert all(platform == "any" or platform.endswith("aarch64") for *_, platform in wheels)


def test_a_32_bit_python_is_told_what_to_do():
    setup = "import runpy, struct; struct.calcsize = lambda format: 4; runpy.run_path('setup.py')"
    found = subprocess.run([sys.executable, "-c", setup], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert found.returncode == 1
    assert found.stderr.strip().startswith("error: this Python is 32-bit") and "64-bit Raspberry Pi OS" in found.stderr
