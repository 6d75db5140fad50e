"""The shipped files: each is evaluated again on the whole test set and held against its manifest."""

import functools
from pathlib import Path

import numpy as np
import pytest

from cnnedge.data import evenly_spaced, pixels_of
from cnnedge.files import sha256_of
from cnnedge.formats.inspection import inspect, unmet_requirements
from cnnedge.formats.model_file import open_model_file
from cnnedge.machine.hardware import cores
from cnnedge.model.networks import MODELS as SPECS
from cnnedge.names import EXPORTS, ExportName
from cnnedge.runtime.opening import open_runner
from tests.support.onnx_graphs import fused_kernels
from tests.support.shipped import EXPORTED, FILES, FUSED, INT8, MODELS, images_for, manifest
from tests.support.tflite_objects import assert_relu_zero_points

# How many of the 10,000 answers may differ on another CPU. TFLite's integer files give the same logits everywhere.
# Float files sum in another order, which flips an image only if its two best probabilities are within 1e-4: few have
# that. ONNX Runtime's integer kernels rescale in float; we promise the same top-1 within 0.1 points: 10 images.
FLIPS = 10


# Two threads of LiteRT's 16-bit kernels, beside another worker's tests, took 15 ms an image of mnist and 31 of cifar10
# (1.1 ms of mnist on a quiet machine): ten minutes for all test images of the four files.
SIXTEEN_BITS = [path for path in FILES if "_int16x8" in path.name]


@pytest.fixture(scope="module")
def data():
    return {model: images_for(model) for model in MODELS}


@pytest.fixture(scope="module")
def answers(data):
    """What a file answers on the whole test set, int64 (10,000,), computed once."""

    @functools.cache
    def answers_of(path: Path) -> np.ndarray:
        with open_runner(path, num_threads=cores()) as runner:
            return runner.predict(pixels_of(data[path.parent.name])).argmax(1)

    return answers_of


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_is_the_one_in_the_manifest_and_its_passport_agrees(path):
    entry, passport = manifest(path)["files"][path.name], open_model_file(path).passport
    assert sha256_of(path.read_bytes()) == entry["sha256"]
    assert passport is not None and passport.top1 == entry["top1"] and list(passport.labels) == entry["labels"]
    assert passport.licence == "Apache-2.0"
    assert passport.test_images == 10_000 and not entry["data"]["is_sample"]


@pytest.mark.parametrize("path", [path for path in FILES if path not in SIXTEEN_BITS], ids=lambda path: path.name)
def test_accuracy_on_the_whole_test_set_is_the_manifests(path, data, answers):
    right = int(np.sum(answers(path) == data[path.parent.name].labels))
    allowed = 0 if path.suffix == ".tflite" and "int8" in path.name else FLIPS
    assert abs(right - round(10_000 * manifest(path)["files"][path.name]["top1"])) <= allowed


@pytest.mark.parametrize("path", SIXTEEN_BITS, ids=lambda path: path.name)
def test_sixteen_bits_answer_as_float32_does(path, data):
    images = pixels_of(evenly_spaced(data[path.parent.name], 500))
    answers = []
    for file in (path, path.with_name(path.name.replace("int16x8", "float32"))):
        with open_runner(file, num_threads=1) as runner:
            answers.append(runner.predict(images).argmax(1))
    # On 10,000 images the least alike of the shipped files differ in 0.54 % (their benchmark.json): 2.7 of 500, and
    # four standard deviations more are 9.
    assert np.count_nonzero(answers[0] != answers[1]) <= 9


@pytest.mark.parametrize("path", INT8, ids=lambda path: path.name)
def test_int8_is_within_half_a_point_of_float(path):
    files = manifest(path)["files"]
    assert files[path.name]["top1"] >= files[f"{path.parent.name}.keras"]["top1"] - 0.005


@pytest.mark.parametrize("path", INT8, ids=lambda path: path.name)
def test_int8_is_really_int8(path):
    assert unmet_requirements(inspect(open_model_file(path)), ["int8", "no-flex", "no-custom"]) == []


@pytest.mark.parametrize("path", [path for path in INT8 if path.suffix == ".tflite"], ids=lambda path: path.name)
def test_zero_point_after_every_relu_is_the_types_minimum(path):
    # Behind every convolution and every dense layer but the last.
    assert_relu_zero_points(path.read_bytes(), expected=sum(FUSED[path.parent.name].values()) - 1)


@pytest.mark.parametrize("path", [path for path in INT8 if path.suffix == ".onnx"], ids=lambda path: path.name)
def test_every_layer_of_int8_onnx_runs_in_an_integer_kernel(path):
    assert fused_kernels(path.read_bytes()) == FUSED[path.parent.name]


@pytest.mark.parametrize("path", [path for path in INT8 if path.suffix == ".onnx"], ids=lambda path: path.name)
def test_int8_onnx_is_at_most_1_3_times_the_tflite_file(path):
    assert path.stat().st_size <= 1.3 * path.with_suffix(".tflite").stat().st_size


@pytest.mark.parametrize("model", MODELS)
def test_qat_onnx_gives_the_answers_of_qat_tflite(model, answers):
    """Where the training gained nothing, both are the post-training files, and answer as those."""
    plain, trained = (
        [EXPORTED / model / ExportName(model, "int8", format, qat=qat).filename for format in EXPORTS]
        for qat in (False, True)
    )
    outcome = manifest(trained[0])["files"][trained[0].name].get("qat_outcome")
    if outcome is not None and outcome["kept"] == "ptq":
        assert all(np.array_equal(answers(one), answers(other)) for one, other in zip(plain, trained, strict=True))
    else:
        assert np.mean(answers(trained[0]) == answers(trained[1])) >= 0.995


def test_size_of_all_exported_files():
    """The checkpoints of trainings under way are no part of it: they go when those have ended."""
    files = [path for path in EXPORTED.rglob("*") if path.is_file() and "unfinished" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 25_000_000


@pytest.mark.parametrize("model", [name for name in MODELS if SPECS[name].dataset == "cifar10"])
def test_no_cifar10_image_is_redistributed(model):
    """The shipped report is the one without the gallery; its plots are SVG."""
    assert "data:image/png" not in (EXPORTED / model / "report.html").read_text()
