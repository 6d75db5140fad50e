"""Quantization-aware training: what ends up in the files."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.qat.fine_tune import quantization_aware_train
from cnnedge.convert.qat.twin import check_supported
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ModelError
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner
from tests.support.onnx_graphs import fused_kernels, weight_codes
from tests.support.tflite_objects import assert_relu_zero_points


def batches(images, size=50):
    rng = np.random.default_rng(0)
    while True:
        yield images[rng.integers(0, len(images), size)].astype("float32")


def train(model, images, calibration, steps=40):
    return quantization_aware_train(
        fold(model), batches(images), calibration=calibration_pixels(calibration), steps=steps,
        learning_rate=1e-3, seed=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(digits_model, sample):
    return train(digits_model, pixels_of(sample.train), pixels_of(sample.calibration))


@pytest.fixture(scope="module")
def tflite(trained):
    return convert_tflite(trained, precision="int8", fake_quantized=True)


def test_file_answers_as_the_float_model_does(tflite, digits_model, sample):
    expected = digits_model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    with open_runner(tflite, format="tflite") as runner:
        found = runner.predict(pixels_of(sample.test))
        assert (runner.input.scale, runner.input.zero_point) == (1.0, 0)
    assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.99


def test_file_computes_what_the_fake_quantized_model_computed(trained, tflite, sample):
    """Fake quantization rounds where the file rounds: only ties and the file's integer softmax (1/256) differ."""
    simulated = trained.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    with open_runner(tflite, format="tflite") as runner:
        found = runner.predict(pixels_of(sample.test))
    assert np.mean(found.argmax(1) == simulated.argmax(1)) >= 0.995
    assert np.median(np.abs(found - simulated)) <= 1 / 256


def test_after_every_relu_the_zero_point_is_the_types_minimum(tflite):
    assert_relu_zero_points(tflite, expected=5)


def test_tflite_weights_are_even_and_onnx_holds_their_halves(tflite):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tflite)
    details = [d for d in interpreter.get_tensor_details() if d["dtype"] is np.int8 and d["shape"][0] != 1]
    codes = [interpreter.get_tensor(detail["index"]) for detail in details]
    assert codes and all(np.all(code % 2 == 0) for code in codes)
    halves = weight_codes(convert_onnx_int8(tflite))
    assert sorted(np.abs(code).sum() for code in map(np.int64, codes)) == sorted(
        2 * np.abs(half).sum() for half in map(np.int64, halves)
    )


def test_onnx_agrees_with_tflite(tflite, sample):
    with (
        open_runner(tflite, format="tflite") as one,
        open_runner(convert_onnx_int8(tflite), format="onnx") as two,
    ):
        images = pixels_of(sample.test)
        agreement = np.mean(one.predict(images).argmax(1) == two.predict(images).argmax(1))
    assert agreement >= 0.995


def test_calibrated_ranges_are_what_makes_a_short_run_right(digits_model, sample, tflite):
    """With TFMOT's -6..6 at the start, 40 steps of a 0.99 average leave 2/3 of that range behind."""
    uncalibrated = quantization_aware_train(
        fold(digits_model), batches(pixels_of(sample.train)),
        calibration=calibration_pixels(pixels_of(sample.calibration)),
        steps=40, learning_rate=1e-3, seed=0, calibrated_ranges=False,
    )  # fmt: skip
    content = convert_tflite(uncalibrated, precision="int8", fake_quantized=True)
    with open_runner(content, format="tflite") as other, open_runner(tflite, format="tflite") as ours:
        expected = digits_model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
        errors = [np.abs(runner.predict(pixels_of(sample.test)) - expected).mean() for runner in (ours, other)]
    assert errors[0] < errors[1]


def test_training_twice_with_one_seed_gives_the_same_file(digits_model, sample, tflite):
    again = train(digits_model, pixels_of(sample.train), pixels_of(sample.calibration))
    assert convert_tflite(again, precision="int8", fake_quantized=True) == tflite


def test_residual_sum_is_quantized_once_after_its_relu(residual_model, pixels):
    content = convert_tflite(train(residual_model, pixels, pixels, steps=5), precision="int8", fake_quantized=True)
    assert_relu_zero_points(content, expected=3)
    # 2 convolutions and 2 dense layers
    assert fused_kernels(convert_onnx_int8(content)) == {"QLinearConv": 2, "QGemm": 2}


def test_unsupported_layers_are_named_before_any_training():
    image = keras.Input((8, 8, 3))
    x = layers.DepthwiseConv2D(3, name="depthwise1")(image)
    x = layers.Conv2D(4, 3, activation="elu", name="elu1")(x)
    model = fold(keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x))))
    with pytest.raises(ModelError, match=r"depthwise1 \(DepthwiseConv2D\), elu1 \(activation elu\)"):
        check_supported(model)
