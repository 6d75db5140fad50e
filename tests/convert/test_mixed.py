"""int8 files with named layers in float32."""

import sys

import keras
import numpy as np
import psutil
import pytest
from keras import layers

from cnnedge.convert.mixed import Calibrated, convert_mixed
from cnnedge.convert.saved import let_go
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.errors import ConversionError, UsageError
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

# The names are each other's beginnings, as Keras gives them.
SPREAD, BACK = "conv", "conv_1"


@pytest.fixture(scope="module")
def folded():
    """Two channels 10,000 to 1 apart, of which the answer takes the small one: 8 bits for both cannot hold it."""
    image = keras.Input((6, 6, 3), name="image")
    spread, back = layers.Conv2D(2, 1, name=SPREAD), layers.Conv2D(2, 1, name=BACK)
    hidden = back(spread(layers.Rescaling(1 / 255)(image)))
    flat = layers.Flatten(name="flat")(layers.AveragePooling2D(6, name="pool")(hidden))
    head = layers.Dense(3, activation="softmax", name="head")
    model = keras.Model(image, head(flat))
    spread.set_weights([np.array([[[[1e4, 0], [0, 1], [0, 0.5]]]]), np.zeros(2)])
    back.set_weights([np.array([[[[1e-4, 0], [0, 1]]]]), np.zeros(2)])
    head.set_weights([np.array([[0, 0, 0.0], [8, -8, 0]]), np.array([-4, 4, 0.0])])
    return fold(model)


@pytest.fixture(scope="module")
def pixels():
    pixels = np.random.default_rng(3).integers(0, 256, (24, 6, 6, 3))
    pixels[..., 1] = np.linspace(0, 255, 24)[:, None, None]
    return pixels.astype("float32")


@pytest.fixture(scope="module")
def mixed(folded, pixels):
    return convert_mixed(folded, (SPREAD, BACK), pixels=pixels)


def answers(content, pixels, format="tflite"):
    with open_runner(content, format=format) as runner:
        return runner.predict(pixels.astype("uint8"))


def test_the_named_layers_are_float_and_keep_what_int8_loses(folded, pixels, mixed):
    expected = np.asarray(folded(pixels, training=False))
    operators = [operator for operator in open_model_file(mixed, "tflite").facts.operators if operator.is_compute]
    assert [(operator.arithmetic, operator.weights) for operator in operators] == [
        ("float", "float32"), ("float", "float32"), ("int8", "int8"),
    ]  # fmt: skip
    # Steps of 1/256 at the output; before it a step or two of about 16/255, where the slope is at most 1/4.
    assert np.abs(answers(mixed, pixels) - expected).max() < 0.03
    whole = convert_mixed(folded, (), pixels=pixels)
    assert {operator.arithmetic for operator in open_model_file(whole, "tflite").facts.operators} <= {"int8", "none"}
    assert np.abs(answers(whole, pixels) - expected).max() > 0.3


def test_one_name_is_not_the_beginning_of_another(folded, pixels):
    content = convert_mixed(folded, (SPREAD,), pixels=pixels)
    operators = open_model_file(content, "tflite").facts.operators
    assert [operator.arithmetic for operator in operators if operator.op == "CONV_2D"] == ["float", "int8"]


@pytest.mark.parametrize("io", ["int8", "float32"])
def test_ends_of_other_types_give_the_same_answers(io, folded, pixels, mixed):
    content = convert_mixed(folded, (SPREAD, BACK), pixels=pixels, io=io)
    facts = open_model_file(content, "tflite").facts
    assert [(end.name, end.dtype) for end in (*facts.inputs, *facts.outputs)] == [
        ("image", io), ("probabilities", io),
    ]  # fmt: skip
    assert np.array_equal(answers(content, pixels), answers(mixed, pixels))


def test_the_onnx_file_has_the_same_layers_in_float(pixels, mixed):
    content = convert_onnx_int8(mixed)
    operators = [operator for operator in open_model_file(content, "onnx").facts.operators if operator.is_compute]
    assert [operator.arithmetic for operator in operators] == ["float", "float", "int8"]
    # Its output is float: half a step of 1/256, and 7-bit weights of the last layer.
    assert np.abs(answers(content, pixels, "onnx") - answers(mixed, pixels)).max() < 0.02


@pytest.mark.parametrize(
    "name, error, complaint",
    [
        ("convv", UsageError, "no layer 'convv' to leave in float.*expected some of conv, conv_1"),
        ("flat", ConversionError, "layer flat has no operator of its own"),
    ],
)
def test_a_layer_that_cannot_be_left_in_float(name, error, complaint, folded, pixels):
    with pytest.raises(error, match=complaint):
        convert_mixed(folded, (name,), pixels=pixels)


def resident():
    """MB."""
    return psutil.Process().memory_info().rss / 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="only there is freed memory given back at once")
def test_what_narrower_ranges_took_is_given_back():
    """Every tensor of a picture, and the logarithms of its values."""
    image = x = keras.Input((160, 160, 3), name="image")
    for _ in range(6):
        x = layers.Conv2D(16, 1, activation="relu")(x)
    answer = layers.Dense(2, activation="softmax", name="head")(layers.GlobalAveragePooling2D()(x))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3)).astype("uint8")
    calibrated = Calibrated.of(fold(keras.Model(image, answer)), pixels)
    calibrated.with_ranges(pixels, "mse")  # what is imported for it
    np.ones(30_000_000, "uint8")  # glibc keeps arrays up to this size from now on, once they are freed
    let_go()
    before = resident()
    calibrated.with_ranges(pixels, "percentile")
    assert resident() - before < 3
