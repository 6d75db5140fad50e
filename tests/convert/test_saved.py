"""The folder that TensorFlow's converter reads."""

from pathlib import Path

import keras
import numpy as np
import pytest

from cnnedge.convert.mixed import convert_mixed
from cnnedge.convert.saved import saved_model
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

PICTURE = (12, 12, 3)


class Offset(keras.layers.Layer):
    """Adds an array that is no weight of it, larger than what TensorFlow takes into a graph by itself (128 values)."""

    def build(self, shape):
        self.offset = keras.ops.convert_to_tensor(np.random.default_rng(3).random(shape[1:], "float32"))

    def call(self, x):
        return x + self.offset


def network(*layers):
    keras.utils.set_random_seed(1)
    image = x = keras.Input(PICTURE)
    for layer in (*layers, keras.layers.Flatten(), keras.layers.Dense(60, name="logits"), keras.layers.Softmax()):
        x = layer(x)
    return keras.Model(image, x)


def test_every_weight_lies_there_once_as_a_constant():
    model = network(keras.layers.BatchNormalization(), keras.layers.Conv2D(8, 3, activation="swish"))
    with saved_model(model) as saved:
        files = {path.name: path.stat().st_size for path in Path(saved.folder).rglob("*") if path.is_file()}
    weights = sum(value.nbytes for value in model.get_weights())
    assert files.keys() == {"saved_model.pb"}
    assert weights < files["saved_model.pb"] < 1.2 * weights  # names, shapes and attributes of some thirty operators
    assert "Conv2D" in saved.operators
    assert not saved.operators & {"VarHandleOp", "ReadVariableOp", "PartitionedCall", "StatefulPartitionedCall"}


def test_arrays_that_a_layer_keeps_beside_its_weights_are_in_the_file():
    model = network(keras.layers.Rescaling(1 / 255), Offset())
    pictures = np.random.default_rng(5).integers(0, 256, (4, *PICTURE)).astype("uint8")
    with open_runner(convert_tflite(model, precision="float32"), format="tflite") as runner:
        found = runner.predict(pictures)
    expected = model.predict(pictures.astype("float32"), verbose=0)
    assert np.abs(found - expected).max() < 1e-6  # sums of 432 products in another order, under a softmax
    assert np.ptp(expected) > 1e-3


class Erf(keras.layers.Layer):
    def call(self, x):
        return keras.ops.erf(x)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (Erf(name="bell_2"), "no operator for Erf, which bell_2 calculates: .*gelu"),
        (
            keras.layers.Resizing(6, 6, interpolation="bicubic", crop_to_aspect_ratio=True, name="small"),
            "no operator for ResizeBicubic, which small calculates: .*'bilinear'",
        ),
    ],
)
def test_a_layer_that_tflite_has_no_operator_for_is_named_with_what_to_do(layer, told):
    """TensorFlow speaks of MLIR, of a FlatBuffer, and of an operator that is neither custom nor flex."""
    model = fold(network(keras.layers.Conv2D(4, 3, name="conv"), layer))
    pixels = np.zeros((2, *PICTURE), "float32")
    with pytest.raises(ConversionError, match=f"TFLite float32 conversion failed: TFLite has {told}"):
        convert_tflite(model, precision="float32")
    with pytest.raises(ConversionError, match=f"TFLite int8_mixed conversion failed: TFLite has {told}"):
        convert_mixed(model, ["conv"], pixels=pixels)


def test_what_is_to_be_done_about_a_resizing_works():
    resizing = keras.layers.Resizing(6, 6, interpolation="bilinear", crop_to_aspect_ratio=True, name="small")
    model = fold(network(resizing))
    assert convert_tflite(model, precision="float32")
