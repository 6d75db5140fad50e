"""Maps of one pixel: what converters make of a batch of 1 must hold for more."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

PIXELS = spanning(np.random.default_rng(3).integers(0, 256, (16, 8, 8, 3)).astype("float32"))


@pytest.fixture(scope="module")
def tflite(tensorflow):
    """Sums of maps of 1 x 1, the second of which the converter takes for a bias and reshapes to (8,)."""
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 8)(layers.Rescaling(1 / 255)(image))
    for _ in range(2):
        x = layers.Add()([x, layers.Conv2D(8, 1)(layers.DepthwiseConv2D(3, padding="same", activation="relu")(x))])
    x = layers.Conv2D(4, 1)(layers.ReLU()(x))
    folded = fold(keras.Model(image, layers.Softmax()(layers.GlobalAveragePooling2D()(x))))
    return {precision: convert_tflite(folded, precision=precision, pixels=PIXELS) for precision in ("float32", "int8")}


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_sixteen_pictures_are_answered_as_one_by_one(tflite, precision):
    convert = convert_onnx_float32 if precision == "float32" else convert_onnx_int8
    pixels = PIXELS.astype("uint8")
    with open_runner(convert(tflite[precision]), format="onnx") as runner:
        single = np.concatenate([runner.predict(pixels[index : index + 1]) for index in range(16)])
        assert np.abs(runner.predict(pixels) - single).max() < 1e-6
    with open_runner(tflite[precision], format="tflite") as runner:
        # Seven bits for eight, and steps of 1/256; or another order of sums.
        assert np.abs(runner.predict(pixels) - single).max() < (0.05 if precision == "int8" else 1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_gate_keeps_its_batch(tensorflow, precision):
    """Channels first and then last: the converter multiplied (1, 3, 3, 8) by (1, 8), and sixteen failed."""
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 6, activation="relu")(layers.Rescaling(1 / 255)(image))
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([layers.Permute((2, 3, 1))(layers.Reshape((8, 1, 1))(gate)), x])
    model = keras.Model(image, layers.Dense(4, activation="softmax")(layers.GlobalMaxPooling2D()(x)))
    tflite = convert_tflite(fold(model), precision=precision, pixels=PIXELS)
    convert = convert_onnx_float32 if precision == "float32" else convert_onnx_int8
    with open_runner(convert(tflite), format="onnx") as runner:
        found = runner.predict(PIXELS.astype("uint8"))
    # Four layers of 8 bits, whose last step is 0.004; or another order of sums.
    assert np.abs(found - np.asarray(model(PIXELS))).max() < (0.05 if precision == "int8" else 1e-5)
