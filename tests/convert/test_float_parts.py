"""What a file leaves in float is told by layer."""

import keras
import numpy as np
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.float_parts import float_parts
from cnnedge.convert.mixed import convert_mixed, marks_of
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold


def test_layers_without_a_kernel_and_layers_that_were_named_are_told(tensorflow):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.UnitNormalization(axis=[1, 2], name="bend")(
        layers.Conv2D(4, 3, name="first")(layers.Rescaling(1 / 255)(image))
    )
    x = layers.UnitNormalization(axis=[1, 2], name="bend_1")(layers.Conv2D(4, 3, name="second")(x))
    x = layers.ReLU(6, name="cut")(layers.Conv2D(4, 3, name="third")(x))
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    folded = fold(keras.Model(image, x))
    pixels = spanning(np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype("float32"))
    whole = convert_tflite(folded, precision="int8", pixels=pixels)
    floats = float_parts(whole, "tflite", {name: name for name in marks_of(folded)})
    assert floats == ("bend (SQUARE)", "bend_1 (SQUARE)")
    mixed = convert_mixed(folded, ["first", "third"], pixels=pixels)
    marks = {mark: name for name, mark in marks_of(folded).items()}
    assert {"first (CONV_2D)", "third (CONV_2D)"} < set(float_parts(mixed, "tflite", marks))
    assert {"first (Conv)", "third (Conv)"} < set(float_parts(convert_onnx_int8(mixed), "onnx", marks))


def test_divisions_that_are_no_layers_are_told_by_their_own_names(tensorflow):
    """``a / b`` is an operation of Keras and no layer; the names of the second and of a layer differ by numbers."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(image)
    for number in range(2):
        over = layers.Conv2D(4, 3, activation="relu", name="divide_2" if number else "over")(x)
        under = layers.Conv2D(4, 3, activation="relu")(x)
        ratio = keras.src.ops.numpy.Divide(name="divide_1" if number else "divide")
        x = ratio(over, layers.Rescaling(1.0, 1.0)(under))
    folded = fold(keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x))))
    pixels = spanning(np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype("float32"))
    names = {operation.name: operation.name for operation in folded.operations}
    whole = convert_tflite(folded, precision="int8", pixels=pixels)
    assert float_parts(whole, "tflite", names) == ("divide (DIV)", "divide_1 (DIV)")
    assert float_parts(convert_onnx_int8(whole), "onnx", names) == ("divide (Div)", "divide_1 (Div)")
