"""Quantization-aware training: what ends up in the files."""

import keras
import numpy as np
import pytest

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.qat.fine_tune import Images, Schedule, Trained, quantization_aware_train
from cnnedge.convert.qat.target import Teacher
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner
from tests.support.onnx_graphs import fused_kernels, weight_codes
from tests.support.tflite_objects import assert_relu_zero_points


def images_of(train, calibration, validation) -> Images:
    """Batches of 50 drawn from ``train``, those of a step always the same."""

    def batch(step: int) -> np.ndarray:
        return train[np.random.default_rng(step).integers(0, len(train), 50)].astype("float32")

    return Images(batch, calibration_pixels(calibration), validation)


def train(model, images, calibration, steps=40, calibrated=True, **options) -> Trained:
    return quantization_aware_train(
        fold(model), images_of(images, calibration, images[-100:]),
        schedule=Schedule(steps, 1e-3, calibrated_ranges=calibrated), **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(digits_model, sample):
    return train(digits_model, pixels_of(sample.train), pixels_of(sample.calibration))


@pytest.fixture(scope="module")
def tflite(trained):
    return convert_tflite(trained.model, precision="int8", fake_quantized=True)


def test_file_answers_as_the_float_model_does(tflite, digits_model, sample):
    expected = digits_model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    with open_runner(tflite, format="tflite") as runner:
        found = runner.predict(pixels_of(sample.test))
        assert (runner.input.scale, runner.input.zero_point) == (1.0, 0)
    assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.99


def test_file_computes_what_the_fake_quantized_model_computed(trained, tflite, sample):
    """Fake quantization rounds where the file rounds: only ties and the file's integer softmax (1/256) differ."""
    simulated = trained.model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
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


def test_residual_sum_is_quantized_once_after_its_relu(residual_model, pixels):
    trained = train(residual_model, pixels, pixels, steps=5)
    content = convert_tflite(trained.model, precision="int8", fake_quantized=True)
    assert_relu_zero_points(content, expected=3)
    # 2 convolutions and 2 dense layers
    assert fused_kernels(convert_onnx_int8(content)) == {"QLinearConv": 2, "QGemm": 2}


def scaled(model: keras.Model, factor: float) -> keras.Model:
    """The same function, with the features before the head ``factor`` times as large and the head's kernel smaller."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    norms = [layer for layer in twin.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for variable in (norms[-1].gamma, norms[-1].beta):
        variable.assign(variable * factor)
    twin.layers[-1].kernel.assign(twin.layers[-1].kernel / factor)
    return twin


def test_a_training_starts_right_with_calibrated_ranges_alone(digits_model, sample):
    """TFMOT's -6..6 cuts off features that reach a hundred."""
    large = scaled(digits_model, 30)
    images = pixels_of(sample.train), pixels_of(sample.calibration)
    starts = [train(large, *images, steps=1, calibrated=calibrated).start for calibrated in (True, False)]
    assert starts[0].agreement >= 0.98 and starts[1].agreement < 0.9


def agreement(content: bytes, model: keras.Model, images: np.ndarray) -> float:
    with open_runner(content, format="tflite") as runner:
        return np.mean(runner.predict(images).argmax(1) == model.predict(images.astype("float32"), verbose=0).argmax(1))


def test_the_scale_of_a_layer_changes_nothing(digits_model, sample):
    """Features 1/32 as large, a head 32 times as large: QAT that is not scale-free keeps 45 % there.

    Each file may differ from the model on 1 % of the digits, so the two from each other on 2 %: on most processors they
    are the same, on one with AMX the sums of the two trainings were rounded otherwise (6 of 500 digits).
    """
    images, test = pixels_of(sample.train), pixels_of(sample.test)
    answers = []
    for model in (digits_model, scaled(digits_model, 1 / 32)):
        trained = train(model, images, pixels_of(sample.calibration), steps=12)
        content = convert_tflite(trained.model, precision="int8", fake_quantized=True)
        assert agreement(content, digits_model, test) >= 0.99
        with open_runner(content, format="tflite") as runner:
            answers.append(runner.predict(test).argmax(1))
    assert np.mean(answers[0] == answers[1]) >= 0.98


def test_dead_channels_do_not_overflow_their_biases(digits_model, sample):
    """A third of the channels of two layers have no kernel left, but a bias that the next layer counts on."""
    model = keras.models.clone_model(digits_model)
    model.set_weights(digits_model.get_weights())
    for name in ("conv2", "conv4"):
        kernel = np.array(model.get_layer(name).kernel)
        kernel[..., ::3] *= 1e-12
        model.get_layer(name).kernel.assign(kernel)
    trained = train(model, pixels_of(sample.train), pixels_of(sample.calibration), steps=12)
    content = convert_tflite(trained.model, precision="int8", fake_quantized=True)
    # Half of what this network says is wrong, so that many answers hang on little: 2 in 100 fall the other way, give
    # or take 0.6 with 500 images. A bias that overflows leaves a quarter.
    assert agreement(content, model, pixels_of(sample.test)) >= 0.95


def test_the_best_state_is_kept_the_start_included(digits_model, sample):
    """A learning rate that ruins everything leaves what the training began with."""
    images = images_of(*(pixels_of(split) for split in (sample.train, sample.calibration, sample.validation)))
    trained = quantization_aware_train(fold(digits_model), images, schedule=Schedule(8, 1e3))
    assert trained.best == trained.start and trained.best.step == 0
    content = convert_tflite(trained.model, precision="int8", fake_quantized=True)
    assert agreement(content, digits_model, pixels_of(sample.test)) >= 0.98


class Killed(Exception):
    """Instead of a signal: what is on the disk is the same."""


def killed_after(steps: int):
    def progress(stage: str, done: int, total: int) -> None:
        if done == steps:
            raise Killed

    return progress


def test_killed_and_gone_on_with_it_ends_with_the_same_file(digits_model, sample, tflite, tmp_path):
    """Forty steps, and a state after every ten."""
    arguments = digits_model, pixels_of(sample.train), pixels_of(sample.calibration)
    with pytest.raises(Killed):
        train(*arguments, kept=tmp_path / "latest", progress=killed_after(25))
    done = []
    again = train(*arguments, kept=tmp_path / "latest", progress=lambda stage, number, total: done.append(number))
    assert done == list(range(21, 41))
    assert convert_tflite(again.model, precision="int8", fake_quantized=True) == tflite


def test_a_teacher_pulls_the_answers_towards_its_own(digits_model, sample):
    """A teacher that gives the same answers, but is only half as sure of them in its logits."""
    unsure = keras.models.clone_model(digits_model)
    unsure.set_weights(digits_model.get_weights())
    unsure.layers[-1].set_weights([weight / 2 for weight in unsure.layers[-1].get_weights()])
    images = pixels_of(sample.validation).astype("float32")
    expected = unsure.predict(images, verbose=0)
    distances = []
    for teacher in (None, Teacher(unsure, weight=0.5, temperature=4.0)):
        trained = train(digits_model, pixels_of(sample.train), pixels_of(sample.calibration), 12, teacher=teacher)
        found = trained.model.predict(images, verbose=0)
        distances.append(float(np.mean(-np.sum(expected * np.log(np.maximum(found, 1e-7)), axis=1))))
    assert trained.best.step > 0 and distances[1] < distances[0]
