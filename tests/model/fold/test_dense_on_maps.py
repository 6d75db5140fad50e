"""A dense layer on a map runs as a convolution, in integers too."""

import keras
import numpy as np
from keras import layers

from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold

PIXELS = np.random.default_rng(6).integers(0, 256, (8, 12, 12, 3)).astype("uint8")
PIXELS[0, 0, 0, :2] = 0, 255


def network():
    """Squeeze-and-excite on a map, and a dense layer on each of its places."""
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(image))
    squeezed = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, layers.Dense(8, activation="sigmoid", use_bias=False)(squeezed)])
    x = layers.Dense(16, activation="relu", bias_initializer="normal", name="places")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x)))


def test_it_is_the_same_function(tensorflow):
    model = network()
    folded = fold(model)
    assert [layer.name for layer in folded.layers if type(layer).__name__ == "Dense"] == ["logits"]
    assert folded.get_layer("places").kernel.shape == (1, 1, 8, 16)
    expected, found = (each.predict(PIXELS.astype("float32"), verbose=0) for each in (model, folded))
    assert np.abs(found - expected).max() < 1e-5  # sums in another order


def test_its_bias_is_added_in_integers(tensorflow):
    content = convert_onnx_int8(convert_tflite(fold(network()), precision="int8", pixels=PIXELS))
    assert open_model_file(content, "onnx").facts.float_before_last_layer() == []
