"""Transposed convolutions that TFLite or ONNX cannot hold get a kernel with zeros, and are the same function."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.model.predictor import answers_called
from cnnedge.runtime.opening import open_runner

PIXELS = spanning(np.random.default_rng(6).integers(0, 256, (16, 9, 9, 3)).astype("float32"))


def model_with(**options):
    keras.utils.set_random_seed(4)
    image = keras.Input((9, 9, 3))
    x = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(image))
    x = layers.Conv2DTranspose(5, bias_initializer="normal", name="middle", **options)(x)
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("options", "kernel"),
    [
        ({"kernel_size": 3, "dilation_rate": 2}, (5, 5)),
        ({"kernel_size": (2, 3), "dilation_rate": (3, 1), "padding": "same", "activation": "relu"}, (4, 3)),
        ({"kernel_size": 3, "strides": 2, "output_padding": 1}, (4, 4)),
        ({"kernel_size": 1, "strides": 3, "output_padding": 1}, (2, 2)),
        ({"kernel_size": 3, "strides": (2, 1), "output_padding": (1, 0)}, (4, 3)),
        ({"kernel_size": 1, "strides": 2}, (2, 2)),
        ({"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, (3, 3)),
        ({"kernel_size": 3, "strides": 2}, (3, 3)),
        ({"kernel_size": (2, 3), "strides": (3, 1), "padding": "same"}, (3, 3)),
    ],
)
def test_it_is_the_same_function(tensorflow, options, kernel):
    model = model_with(**options)
    folded = fold(model)
    assert folded.get_layer("middle").kernel_size == kernel
    assert folded.get_layer("middle").output.shape == model.get_layer("middle").output.shape
    assert np.abs(np.asarray(folded(PIXELS)) - answers_called(model, PIXELS)).max() < 1e-5  # sums in another order


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "dilation_rate": 2},
        {"kernel_size": 3, "strides": 2, "output_padding": 1},
        {"kernel_size": 2, "strides": 3, "padding": "same"},
    ],
)
def test_every_file_has_it_in_integers(tensorflow, options):
    """TFLite has no dilated one, and what ONNX pads must not be negative: there were no files."""
    model = model_with(**options)
    folded, expected = fold(model), answers_called(model, PIXELS)
    float32, int8, int16x8 = (
        convert_tflite(folded, precision=precision, pixels=PIXELS) for precision in ("float32", "int8", "int16x8")
    )
    files = [
        ("tflite", int8), ("tflite", int16x8), ("onnx", convert_onnx_int8(int8)),
        ("tflite", float32), ("onnx", convert_onnx_float32(float32)),
    ]  # fmt: skip
    for number, (format, content) in enumerate(files):
        with open_runner(content, format=format) as runner:
            found = runner.predict(PIXELS.astype("uint8"))
        if number < 3:
            assert not open_model_file(content, format).facts.float_before_last_layer()
        # The answers span 0.1 and more; five layers of 8 bits, and sums in another order.
        assert np.abs(found - expected).max() < (0.015 if number < 3 else 1e-5)
