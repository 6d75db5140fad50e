"""The layers of a file found and named, in both formats, for networks that branch."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.layer_errors.compare import layer_errors
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold


@pytest.fixture(scope="module")
def branches():
    """Two parallel convolutions of one shape and one of another, ReLU6, depthwise, average pooling."""
    keras.utils.set_random_seed(3)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(layers.Rescaling(1 / 255)(image))
    left = layers.Conv2D(8, 3, padding="same", name="left")(x)
    right = layers.Conv2D(8, 3, padding="same", name="right")(layers.LeakyReLU()(x))
    short = layers.Conv2D(8, 1, name="short")(x)
    x = layers.Add(name="sum")([short, layers.Add(name="sides")([right, left])])
    x = layers.ReLU(max_value=6, name="relu6")(x)
    x = layers.AveragePooling2D(2, name="halve")(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D(name="mean")(x)))


@pytest.mark.parametrize("which", ["branches", "residual_model"])
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_branches_are_matched_whatever_their_order_in_the_file(which, format, tmp_path, request):
    model = request.getfixturevalue(which)
    noise = np.random.default_rng(4).integers(0, 256, (20, *model.input_shape[1:]), dtype=np.uint8)
    content = convert_tflite(fold(model), precision="int8", pixels=calibration_pixels(noise))
    content = content if format == "tflite" else convert_onnx_int8(content)
    file = tmp_path / f"{which}.{format}"
    file.write_bytes(content)
    found = layer_errors(file, model, noise)
    named = {layer.name for layer in model.layers if not layer.name.startswith(("re_lu", "dropout", "flatten"))}
    assert len(found) == len({row.layer for row in found})
    assert {row.layer for row in found} - {"logits", "probabilities"} <= named
    # Another layer's output or weights would be off by as much as the signal: 0 dB.
    assert all(row.sqnr_db > 20 for row in found)
    assert all(row.weight_sqnr_db > 20 for row in found if row.kind in ("Conv2D", "DepthwiseConv2D", "Dense"))


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_depthwise_convolution_of_several_channels_each_is_found(format, tensorflow):
    """Its kernel has (inputs, multiplier) in Keras and (outputs, 1) in files; each was "made from another model"."""
    keras.utils.set_random_seed(4)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    x = layers.DepthwiseConv2D(3, depth_multiplier=4, name="several", bias_initializer="ones")(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype("uint8")
    content = convert_tflite(fold(model), precision="int8", pixels=images.astype("float32"))
    content = convert_onnx_int8(content) if format == "onnx" else content
    rows = {row.layer: row for row in layer_errors(open_model_file(content, format), model, images)}
    assert rows["several"].weight_sqnr_db > 30 and rows["several"].own_sqnr_db > 30
