"""TFLite files against the Keras model that they come from."""

import keras
import numpy as np
import pytest

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ConversionError, DataError
from cnnedge.model.fold import fold
from cnnedge.names import EXPORTS
from cnnedge.runtime.opening import open_runner
from tests.support.tflite_objects import assert_relu_zero_points

# float32: another order of summation. float16: weights off by 2**-11 relative, a few layers deep.
# int8 and dynamic: a probability moves by logit error x 1/4 at most; 8-bit logits of range +-20 have steps of 0.16,
# and some layers add theirs. int16x8 keeps the int8 weights' error.
LARGEST_DIFFERENCE = {"float32": 1e-5, "float16": 0.02, "dynamic": 0.15, "int8": 0.25, "int16x8": 0.15}


@pytest.fixture(scope="module")
def folded(digits_model):
    return fold(digits_model)


@pytest.fixture(scope="module")
def converted(folded, sample):
    calibration = calibration_pixels(pixels_of(sample.calibration))
    return {
        precision: convert_tflite(folded, precision=precision, pixels=calibration) for precision in EXPORTS["tflite"]
    }


@pytest.mark.parametrize("precision", EXPORTS["tflite"])
def test_file_answers_as_keras_does(precision, converted, digits_model, sample):
    expected = digits_model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    with open_runner(converted[precision], format="tflite") as runner:
        found = runner.predict(pixels_of(sample.test))
    # 500 images: one flip is 0.2 %. Rounding flips only near ties, at most 1 % here.
    assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.99
    assert np.abs(found - expected).max() < LARGEST_DIFFERENCE[precision]


@pytest.mark.parametrize("precision", EXPORTS["tflite"])
def test_ends_are_named_and_take_one_image(precision, converted):
    with open_runner(converted[precision], format="tflite") as runner:
        assert (runner.input.name, runner.input.shape) == ("image", (1, 28, 28, 1))
        assert (runner.output.name, runner.output.shape) == ("probabilities", (1, 10))
        assert runner.input.dtype == ("uint8" if precision == "int8" else "float32")


def test_quantized_sizes(converted):
    sizes = {precision: len(content) for precision, content in converted.items()}
    assert sizes["int8"] < 0.5 * sizes["float32"] and sizes["float16"] < 0.7 * sizes["float32"]


@pytest.mark.parametrize("io, scale, zero_point", [("uint8", 1.0, 0), ("int8", 1.0, -128), ("float32", 0.0, 0)])
def test_ends_of_int8_files(io, scale, zero_point, folded, sample):
    content = convert_tflite(folded, precision="int8", pixels=calibration_pixels(pixels_of(sample.calibration)), io=io)
    with open_runner(content, format="tflite") as runner:
        assert (runner.input.dtype, runner.output.dtype) == (io, io)
        assert (runner.input.scale, runner.input.zero_point) == (scale, zero_point)
        assert np.mean(runner.predict(pixels_of(sample.test)).argmax(1) == sample.test.labels) > 0.9


def test_int8_file_has_integer_operators_only(converted):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=converted["int8"])
    assert {detail["dtype"] for detail in interpreter.get_tensor_details()} <= {np.uint8, np.int8, np.int32}


def test_after_every_relu_the_zero_point_is_the_types_minimum(converted):
    assert_relu_zero_points(converted["int8"], expected=5)


def test_converting_twice_gives_the_same_bytes(folded, converted, sample):
    calibration = calibration_pixels(pixels_of(sample.calibration))
    assert convert_tflite(folded, precision="int8", pixels=calibration) == converted["int8"]


def test_calibration_without_black_or_white_still_gives_input_scale_1(folded, sample):
    grey = (pixels_of(sample.calibration) // 2 + 60).astype("uint8")
    content = convert_tflite(folded, precision="int8", pixels=calibration_pixels(grey))
    with open_runner(content, format="tflite") as runner:
        assert (runner.input.scale, runner.input.zero_point) == (1.0, 0)


def test_int8_without_calibration_is_refused(folded):
    with pytest.raises(ConversionError, match="calibration images"):
        convert_tflite(folded, precision="int8")


@pytest.mark.parametrize(
    "images", [np.zeros((0, 8, 8, 1), "uint8"), np.zeros((2, 8, 8), "uint8"), np.zeros((2, 8, 8, 1))]
)
def test_calibration_images_are_checked(images):
    with pytest.raises(DataError, match="calibration needs uint8 images"):
        calibration_pixels(images)


def test_int16x8_of_a_depthwise_network_opens(pixels):
    """LiteRT's depthwise kernel wants 64-bit biases, the others are fast with 32-bit ones only."""
    image = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.DepthwiseConv2D(3, activation="relu")(image))
    folded = fold(keras.Model(image, keras.layers.Dense(3, activation="softmax")(x)))
    content = convert_tflite(folded, precision="int16x8", pixels=calibration_pixels(pixels))
    with open_runner(content, format="tflite") as runner:
        assert runner.predict(pixels).shape == (64, 3)


@pytest.mark.parametrize(
    "summed",
    [lambda x: keras.ops.sum(x, axis=(1, 2)), lambda x: keras.ops.norm(x, axis=-1)],
    ids=["places", "squares"],
)  # fmt: skip
def test_sixteen_bit_sums_are_not_cut_off(tensorflow, summed):
    """The sum of 100 places was cut off at the range of one of them: answers were off by 0.41, and by 0.07."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = summed(keras.layers.Conv2D(6, 3)(keras.layers.Rescaling(1 / 255)(image)))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x)))
    pixels = np.random.default_rng(0).integers(0, 256, (30, 12, 12, 3)).astype("uint8")
    content = convert_tflite(fold(model), precision="int16x8", pixels=pixels.astype("float32"))
    with open_runner(content, format="tflite") as runner:
        assert np.abs(runner.predict(pixels) - np.asarray(model(pixels.astype("float32")))).max() < 0.005
