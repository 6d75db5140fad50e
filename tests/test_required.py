"""What the shipped models must reach: the int8 files' size, work and accuracy, and what quantization may cost.

The figures are the manifests'; tests/test_exported.py evaluates every file again and holds it against them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnnedge.formats.model_file import open_model_file
from cnnedge.names import ExportName

EXPORTED = Path(__file__).parent.parent / "exported"


@dataclass(frozen=True)
class Required:
    """The most bytes of an int8 TFLite file, the most million multiply-accumulates, the least top-1."""

    int8_bytes: int
    mmac: float
    top1: float


# The two CIFAR-10 limits on bytes and work are MLPerf Tiny's: ResNet-8 (86.97 % int8 on the same 10,000 images) and its
# large sibling (91.31 %). Whoever meets a row beats that network in all three at once.
REQUIRED = {
    "mnist": Required(50_000, 6, 0.9960),
    "mnist-tiny": Required(20_000, 1.5, 0.9940),
    "cifar10-small": Required(98_496, 12.5, 0.89),
    "cifar10": Required(512_024, 76.5, 0.935),
}
# What the int8 files of the first three seeds of a network of digits, or the first two of one of photos, are to have of
# the 10,000 test images in the mean; and those that have not (exported/TRAINING.md says how far they are).
WANTED = {"mnist": (9970, 3), "mnist-tiny": (9955, 3), "cifar10-small": (9030, 2), "cifar10": (9400, 2)}
SHORT = ("mnist-tiny", "cifar10-small", "cifar10")
# How many seeds each was trained from at least; one of a CIFAR network takes more than an hour.
SEEDS = {"mnist": 5, "mnist-tiny": 5, "cifar10-small": 2, "cifar10": 2}

# Each of our files beside the MLPerf file that it stands against.
COUNTERPARTS = {
    "cifar10_int8_qat.tflite": "pretrainedResnet_large_int8.tflite",
    "cifar10_float32.tflite": "pretrainedResnet_large_float.tflite",
    "cifar10-small_int8_qat.tflite": "pretrainedResnet_quant.tflite",
    "cifar10-small_float32.tflite": "pretrainedResnet.tflite",
}


def manifest(model: str) -> dict:
    return json.loads((EXPORTED / model / "manifest.json").read_text())["files"]


def int8_name(model: str, format: str, *, qat: bool) -> str:
    return ExportName(model, "int8", format, qat=qat).filename


@pytest.mark.parametrize("qat", [False, True], ids=["ptq", "qat"])
@pytest.mark.parametrize("model", REQUIRED)
def test_bytes_and_work(model, qat):
    path = EXPORTED / model / int8_name(model, "tflite", qat=qat)
    assert path.stat().st_size <= REQUIRED[model].int8_bytes
    assert open_model_file(path).facts.macs <= 1e6 * REQUIRED[model].mmac


@pytest.mark.parametrize("model", REQUIRED)
def test_top1(model):
    entry = manifest(model)[int8_name(model, "tflite", qat=True)]
    assert entry["precision"] == "int8" and entry["test_images"] == 10_000
    assert entry["top1"] >= REQUIRED[model].top1


@pytest.mark.parametrize("model", SEEDS)
def test_seeds_are_different_trainings(model):
    """The first is the shipped one: tests/test_cards.py writes the card anew, which refuses another."""
    rows = json.loads((EXPORTED / model / "seeds.json").read_text())["seeds"]
    assert len({row["seed"] for row in rows}) == len(rows) >= SEEDS[model]
    assert len({row["float_top1"] for row in rows}) > 1


@pytest.mark.parametrize("model", WANTED)
def test_the_mean_of_the_first_seeds(model):
    """Whoever trains one of SHORT that is there takes it out of that list."""
    right, count = WANTED[model]
    rows = json.loads((EXPORTED / model / "seeds.json").read_text())["seeds"][:count]
    assert len(rows) == count
    assert (sum(round(10_000 * row["int8_top1"]) for row in rows) >= count * right) is (model not in SHORT)


@pytest.mark.parametrize(("qat", "points"), [(False, 0.3), (True, 0.15)], ids=["ptq", "qat"])
@pytest.mark.parametrize("model", REQUIRED)
def test_what_quantization_costs(model, qat, points):
    """The TFLite file against the float model, and the ONNX file against the TFLite file, in points of top-1.

    They are 10,000 images: all figures are whole numbers of them.
    """
    files = manifest(model)
    float_right, tflite_right, onnx_right = (
        round(10_000 * files[file]["top1"])
        for file in (f"{model}.keras", *(int8_name(model, format, qat=qat) for format in ("tflite", "onnx")))
    )
    assert float_right - tflite_right <= 100 * points
    assert abs(onnx_right - tflite_right) <= 100 * 0.2


@pytest.mark.parametrize("file", COUNTERPARTS)
def test_latency_is_not_above_mlperfs(file):
    """Medians of the shipped Pareto run (scripts/pareto.py), in which both files were measured."""
    rows = {row["file"]: row for row in json.loads((EXPORTED / "pareto.json").read_text())["rows"]}
    assert rows[file]["latency_ms"]["p50"] <= rows[COUNTERPARTS[file]]["latency_ms"]["p50"]
