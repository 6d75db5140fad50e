"""ONNX files: fused whole, unsaturable, and in agreement with the TFLite files that they come from."""

import json

import numpy as np
import onnx
import pytest

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8, embed_passport_onnx
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.passport import PASSPORT_KEY, Passport
from cnnedge.runtime.opening import open_runner
from tests.support.onnx_graphs import fused_kernels, optimized, weight_codes


@pytest.fixture(scope="module")
def tflite(digits_model, sample):
    folded, pixels = fold(digits_model), calibration_pixels(pixels_of(sample.calibration))
    return {precision: convert_tflite(folded, precision=precision, pixels=pixels) for precision in ("float32", "int8")}


@pytest.fixture(scope="module")
def float32(tflite):
    return convert_onnx_float32(tflite["float32"])


@pytest.fixture(scope="module")
def int8(tflite):
    return convert_onnx_int8(tflite["int8"])


def test_float32_answers_as_keras_does(float32, digits_model, sample):
    expected = digits_model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    with open_runner(float32, format="onnx") as runner:
        # Another order of summation in float32.
        assert np.abs(runner.predict(pixels_of(sample.test)) - expected).max() < 1e-5


def test_int8_agrees_with_the_tflite_file(int8, tflite, sample):
    with open_runner(int8, format="onnx") as ours, open_runner(tflite["int8"], format="tflite") as theirs:
        images = pixels_of(sample.test)
        agreement = np.mean(ours.predict(images).argmax(1) == theirs.predict(images).argmax(1))
    assert agreement >= 0.99  # the weights lose their eighth bit


@pytest.mark.parametrize("which", ["float32", "int8"])
def test_ends(which, request):
    with open_runner(request.getfixturevalue(which), format="onnx") as runner:
        assert (runner.input.name, runner.input.shape) == ("image", (None, 28, 28, 1))
        assert (runner.output.name, runner.output.shape) == ("probabilities", (None, 10))
        assert runner.input.dtype == ("uint8" if which == "int8" else "float32")
        assert runner.output.dtype == "float32"


def test_every_layer_runs_in_an_integer_kernel(int8):
    assert fused_kernels(int8) == {"QLinearConv": 5, "QGemm": 1}


def test_pixels_reach_the_first_convolution_as_integers(int8):
    before = []
    for node in optimized(int8).graph.node:
        if node.op_type == "QLinearConv":
            break
        before.append(node.op_type)
    assert set(before) <= {"Transpose", "Reshape"}


def test_weights_are_seven_bits_and_cannot_saturate(int8):
    codes = weight_codes(int8)
    assert len(codes) == 6
    largest = max(int(np.abs(code.astype("int32")).max()) for code in codes)
    assert largest == 63
    assert 2 * 255 * largest <= 2**15 - 1


def test_int8_file_is_not_larger_than_the_tflite_file(int8, tflite):
    assert len(int8) <= 1.3 * len(tflite["int8"])


def test_one_image_and_many_give_the_same_answers(int8, sample):
    with open_runner(int8, format="onnx") as runner:
        together = runner.predict(pixels_of(sample.test, 20))
        alone = np.concatenate([runner.predict(sample.test.pixels([i])) for i in range(20)])
    # Integer arithmetic up to the softmax, which is float32 and may be summed in another order.
    assert np.abs(together - alone).max() < 1e-6


def test_tflite_with_other_ends_is_refused(digits_model, sample):
    pixels = calibration_pixels(pixels_of(sample.calibration))
    content = convert_tflite(fold(digits_model), precision="int8", pixels=pixels, io="float32")
    with pytest.raises(ConversionError, match="raw pixels at scale 1"):
        convert_onnx_int8(content)


def test_passport_is_carried_in_the_metadata(float32, sample):
    passport = Passport(
        "mnist", "onnx", "float32", False, sample.labels, (28, 28, 1), "float32", "float32", "digits", "MIT"
    )
    properties = onnx.load_from_string(embed_passport_onnx(float32, passport)).metadata_props
    carried = {item.key: item.value for item in properties}
    assert Passport.from_json(carried[PASSPORT_KEY]) == passport
    assert json.loads(carried["labels"]) == list(sample.labels)
    assert (carried["name"], carried["model_license"], carried["description"]) == ("mnist", "MIT", "digits")
    assert (carried["Image.BitmapPixelFormat"], carried["Image.NominalPixelRange"]) == ("Gray8", "NominalRange_0_255")


def test_a_pass_of_tf2onnx_that_fails_is_left_out(tflite, float32, monkeypatch):
    from tf2onnx.optimizer.reshape_optimizer import ReshapeOptimizer

    def broken(self, graph):
        raise ValueError("planted")

    monkeypatch.setattr(ReshapeOptimizer, "_optimize", broken)
    found = onnx.load_from_string(convert_onnx_float32(tflite["float32"]))
    assert len(found.graph.node) >= len(onnx.load_from_string(float32).graph.node)
