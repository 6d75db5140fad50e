"""Every exported file on an emulated Raspberry Pi 4, beside the same commands on this machine.

``scripts/emulated_pi`` makes the Pi, and fails where it cannot. An emulated CPU is some forty times slower than
this one, and slowest with floats: a command takes 10 s. So every file is a test of its own, and the two smaller models,
which have the same operators, are only held to the same bits. One worker of pytest does it all: another would wait
while the Pi is being made.
"""

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from cnnedge.data import Split, evenly_spaced, pixels_of
from tests.support.logits import raw_logits
from tests.support.optimized_graph import count_kernels
from tests.support.shipped import FILES, FUSED, INT8, MODELS, images_for, manifest

REPOSITORY = Path(__file__).parent.parent
IMAGES = 200
CLASSES = 10
# An image of cifar10 takes the emulated Pi more than half a second in float: a quarter of them.
FEW = "cifar10 in float"
INT8_TFLITE = [path for path in INT8 if path.suffix == ".tflite"]
INT8_ONNX = [path for path in INT8 if path.suffix == ".onnx"]
PREDICTED = [path for path in FILES if path.parent.name in ("mnist", "cifar10")]
INSPECTED = [path for path in FILES if path.parent.name == "mnist"]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


@pytest.fixture(scope="session")
def pi() -> Path:
    """The folder of the emulated Pi's commands: ``cnnedge`` and ``python``."""
    made = subprocess.run([REPOSITORY / "scripts" / "emulated_pi"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def splits() -> dict[str, Split]:
    found = {name: evenly_spaced(images_for(name), IMAGES) for name in MODELS}
    return found | {FEW: found["cifar10"].take(np.arange(0, IMAGES, 4))}


@pytest.fixture(scope="session")
def pictures(splits, tmp_path_factory) -> dict[str, Path]:
    """A folder of PNG files per dataset, whose names sort as the images do."""
    folders = {}
    for name, split in splits.items():
        folders[name] = tmp_path_factory.mktemp(name)
        for index, image in enumerate(pixels_of(split)):
            Image.fromarray(image.squeeze()).save(folders[name] / f"{index:03}.png")
    return folders


def output_of(*command: str | Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def predict(cnnedge: list[str | Path], path: Path, folder: Path) -> np.ndarray:
    """Probabilities (N, classes) that ``cnnedge predict`` prints for a folder of pictures."""
    printed = json.loads(output_of(*cnnedge, "predict", path, folder, "--top", str(CLASSES), "--json"))
    assert [Path(entry["image"]).name for entry in printed] == sorted(item.name for item in folder.iterdir())
    ranked = [sorted(entry["top"], key=lambda prediction: prediction["index"]) for entry in printed]
    return np.array([[prediction["score"] for prediction in predictions] for predictions in ranked], np.float32)


def assert_alike(path: Path, on_pi: np.ndarray, here: np.ndarray) -> None:
    difference = np.abs(on_pi - here)
    if path in INT8_TFLITE:
        # The logits are the same bits (test_int8_logits_...). LiteRT's softmax is not the same code: aarch64 has a
        # kernel with tables of 16-bit integers, other CPUs compute it in float. Each rounds to codes of 1/256.
        assert difference.max() <= 1 / 256
    elif "_float" in path.name:
        # Another order of summation: 2**-24 for each of 8 layers with up to 864 terms a sum, of which the square root
        # counts, 30: 1.4e-5 of a logit; a probability moves by at most a quarter of what its logit does.
        assert difference.max() < 1e-5
    else:
        # Kernels differ in how they round to a code, and one step of a logit moves a probability by up to 0.04
        # (see test_parity), but in few images.
        assert difference.mean() < 1 / 256
    assert np.mean(on_pi.argmax(1) == here.argmax(1)) >= 0.995


def assert_accurate(path: Path, answers: np.ndarray, labels: np.ndarray) -> None:
    """The top-1 of 10,000 images, within four standard deviations of what a draw of some images shows."""
    top1 = manifest(path)["files"][path.name]["top1"]
    assert np.mean(answers == labels) >= top1 - 4 * np.sqrt(top1 * (1 - top1) / len(labels))


@each(PREDICTED)
def test_predict_answers_as_here(path, pi, pictures, splits):
    name = FEW if path.parent.name == "cifar10" and "_float" in path.name else path.parent.name
    on_pi = predict([pi / "cnnedge"], path, pictures[name])
    assert_alike(path, on_pi, predict([sys.executable, "-m", "cnnedge"], path, pictures[name]))
    assert_accurate(path, on_pi.argmax(1), splits[name].labels)


@each(INSPECTED)
def test_inspect_says_the_same_as_here(path, pi):
    arguments = ["inspect", path, "--json", *(["--require", "int8,no-flex"] if path in INT8 else [])]
    here = output_of(sys.executable, "-m", "cnnedge", *arguments)
    assert json.loads(output_of(pi / "cnnedge", *arguments)) == json.loads(here)


@each(INT8_TFLITE)
def test_int8_logits_are_the_same_bits(path, pi, splits, tmp_path):
    images = pixels_of(splits[path.parent.name])
    np.save(tmp_path / "images.npy", images)
    output_of(
        pi / "python", REPOSITORY / "tests/support/logits.py", path, tmp_path / "images.npy", tmp_path / "logits.npy"
    )
    on_pi = np.load(tmp_path / "logits.npy")
    assert on_pi.dtype == np.int8 and on_pi.shape == (IMAGES, CLASSES)
    np.testing.assert_array_equal(on_pi, raw_logits(str(path), images))


@each(INT8_ONNX)
def test_every_layer_of_int8_onnx_runs_in_an_integer_kernel_on_arm(path, pi, tmp_path):
    optimized = tmp_path / "optimized.onnx"
    output_of(pi / "python", REPOSITORY / "tests/support/optimized_graph.py", path, optimized)
    assert count_kernels(onnx.load(optimized)) == FUSED[path.parent.name]


def test_installed_sizes_are_the_readmes(pi):
    """In site-packages, without what a new virtual environment has."""
    [installed] = (pi.parent / "lib").glob("python3.*/site-packages")
    sizes = collections.Counter()
    for path in installed.rglob("*"):
        sizes[path.relative_to(installed).parts[0].split("-")[0]] += path.stat().st_size * path.is_file()
    light = sizes.total() - sum(sizes[name] for name in ("pip", "setuptools", "pkg_resources", "onnxruntime"))
    [said] = re.findall(r"It takes (\d+) MB.*?(\d+) MB more", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    # Five percent: the README rounds, and other patches of the same packages weigh a little more or less.
    assert [light / 1e6, sizes["onnxruntime"] / 1e6] == pytest.approx([float(size) for size in said], rel=0.05)


def test_without_debians_packages_it_is_an_error_and_nothing_is_left(tmp_path):
    (tmp_path / "apt.conf").write_text('Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "/dev/null";')
    environment = {
        **os.environ,
        "APT_CONFIG": str(tmp_path / "apt.conf"),
        "CNNEDGE_EMULATED_PI": str(tmp_path / "pi"),
    }
    command = [REPOSITORY / "scripts" / "emulated_pi"]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert found.returncode == 1 and found.stdout == ""
    assert "error: Debian's packages qemu-user-static" in found.stderr.splitlines()[-1]
    assert not (tmp_path / "pi" / "made").exists()
