"""Operators of which no runtime has a kernel for the codes that the converter writes."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.float_parts import float_parts
from cnnedge.convert.integer_forms import integer_forms
from cnnedge.convert.mixed import convert_mixed
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner


class Divide(layers.Layer):
    def call(self, parts):
        return keras.ops.divide(*parts)


@pytest.mark.parametrize(("format", "precision"), [("tflite", "int8"), ("tflite", "int16x8"), ("onnx", "int8")])
def test_a_division_of_two_tensors_stays_in_float(tensorflow, format, precision):
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, name="conv")(layers.Rescaling(1 / 255)(image))
    x = Divide()([x, layers.Rescaling(1.0, 1.0)(layers.Conv2D(8, 1, activation="relu")(x))])
    x = layers.Dense(4, name="logits")(layers.Flatten()(x))
    model = keras.Model(image, layers.Softmax(name="probabilities")(x))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")
    content = convert_tflite(model, precision=precision, pixels=pixels.astype("float32"))
    mixed = open_model_file(convert_mixed(model, ["conv"], pixels=pixels.astype("float32")), "tflite")
    assert mixed.refusal is None
    content = convert_onnx_int8(content) if format == "onnx" else content
    assert {one.op.upper() for one in open_model_file(content, format).facts.float_before_last_layer()} == {"DIV"}
    with open_runner(content, format=format) as runner:
        assert np.abs(runner.predict(pixels) - np.asarray(model(pixels.astype("float32")))).mean() < 0.02


@pytest.mark.parametrize(
    ("between", "told"),
    [
        (lambda x: layers.LayerNormalization(axis=[1, 2, 3], name="norm")(x), "norm (NEG, SQUARED_DIFFERENCE)"),
        (lambda x: layers.LayerNormalization(axis=1, name="norm")(x), "norm (NEG, SQUARED_DIFFERENCE)"),
        (lambda x: keras.ops.var(x, axis=[1, 2]), "var (SQUARED_DIFFERENCE)"),
        (lambda x: keras.ops.pad(x, ((0, 0), (1, 1), (2, 2), (0, 0)), constant_values=0.5), "pad (PADV2)"),
    ],
)
def test_what_has_no_kernel_of_16_bits_stays_in_float_and_is_told(tensorflow, between, told):
    """The converter writes it all the same: there was no file."""
    keras.backend.clear_session()  # an operation's name has the number of those like it before
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3), name="image")
    x = between(layers.Conv2D(8, 3, name="conv")(layers.Rescaling(1 / 255)(image)))
    normal = keras.initializers.RandomNormal(stddev=2)
    x = layers.Dense(4, kernel_initializer=normal, name="logits")(layers.Flatten()(x))
    model = integer_forms(fold(keras.Model(image, layers.Softmax(name="probabilities")(x))))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")
    content = convert_tflite(model, precision="int16x8", pixels=pixels.astype("float32"))
    assert float_parts(content, "tflite", {one.name: one.name for one in model.operations}) == (told,)
    with open_runner(content, format="tflite") as runner:
        difference = runner.predict(pixels) - np.asarray(model(pixels.astype("float32")))
    assert np.abs(difference).mean() < 0.02
