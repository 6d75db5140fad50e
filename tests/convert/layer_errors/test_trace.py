"""The layers of a file found and named, in both formats, for networks that branch."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.layer_errors.compare import layer_errors
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
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
