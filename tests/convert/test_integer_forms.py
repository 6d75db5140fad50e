import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.integer_forms import FORMS, IntegerForm, integer_forms
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

PATCHES = np.random.default_rng(3).integers(0, 256, (32, 3, 3, 3))
PIXELS = spanning(np.kron(PATCHES, np.ones((1, 4, 4, 1))).astype("float32"))


@pytest.fixture(scope="module")
def network(tensorflow):
    """mish, and a batch normalization that nothing takes in, whose channels are 1 to 4,096 times as large."""
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="mish", name="conv")(layers.Rescaling(1 / 32)(image))
    norm = layers.BatchNormalization(name="norm")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="behind")(layers.ReLU()(norm(x)))
    wide = keras.initializers.RandomNormal(stddev=1)
    x = layers.Dense(4, kernel_initializer=wide, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Softmax()(x))
    sizes = 8.0 ** np.arange(-4, 4)
    norm.set_weights([np.full(8, 0.3), np.full(8, 0.1), np.zeros(8), sizes**2])
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel * np.minimum(sizes, 4), bias])
    return fold(model)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_function(name):
    """mish at -8 is -0.0027, and the clipped one goes straight on to -0.0067 at -20; above 4 it loses 0.0007 x."""
    x = np.linspace(-20, 20, 401).astype("float32")
    error = np.abs(np.asarray(IntegerForm(name)(x)) - np.asarray(keras.activations.get(name)(x)))
    assert error[np.abs(x) < 4].max() < 1e-5 and error.max() < (0.015 if name == "mish" else 1e-5)


def test_a_scaling_is_a_depthwise_convolution_of_the_same_name(network):
    twin = integer_forms(network)
    assert isinstance(twin.get_layer("norm"), layers.DepthwiseConv2D)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in network.layers]
    assert np.abs(np.asarray(twin(PIXELS)) - np.asarray(network(PIXELS))).max() < 1e-3


@pytest.mark.parametrize(("format", "precision"), [("tflite", "int8"), ("tflite", "int16x8"), ("onnx", "int8")])
def test_files_of_the_forms_hold_the_function(network, format, precision):
    """Without them mish alone makes exp reach e**30, and the file gives one answer to everything."""
    expected = np.asarray(network(PIXELS))
    content = convert_tflite(integer_forms(network), precision=precision, pixels=PIXELS)
    content = convert_onnx_int8(content) if format == "onnx" else content
    assert not open_model_file(content, format).facts.float_before_last_layer() or format == "onnx"
    with open_runner(content, format=format) as runner:
        found = runner.predict(PIXELS.astype("uint8"))
    # Lost activations cost about a quarter of the range of the answers; kept ones a tenth, behind weights of 7 bits.
    assert np.abs(found - expected).mean() < 0.15 * np.ptp(expected, axis=0).mean()


@pytest.mark.parametrize("bend", [layers.ELU(0.4), layers.Activation("softsign"), layers.Activation("mish")])
@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_forms_stay_integers_and_hold_large_values(tensorflow, bend, precision):
    """The converter chooses between the two sides of an ELU in float and divides in softsign; and what a minimum of 4
    in mish reads would itself be cut off at 4, since the converter gives the two one range."""
    keras.utils.set_random_seed(5)
    image = keras.Input((12, 12, 3))
    bend = type(bend).from_config(bend.get_config())
    x = bend(layers.Conv2D(8, 3, strides=2)(layers.Rescaling(1 / 32)(image)))
    x = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=0.05))(layers.Flatten()(x))
    model = fold(keras.Model(image, layers.Softmax()(x)))
    assert np.abs(np.asarray(integer_forms(model)(PIXELS)) - np.asarray(model(PIXELS))).max() < 1e-2
    content = convert_tflite(integer_forms(model), precision=precision, pixels=PIXELS)
    kinds = {operator.op for operator in open_model_file(content, "tflite").facts.float_before_last_layer()}
    assert kinds <= ({"ELU"} if precision == "int16x8" else set())  # which has no kernel of 16 bits
    with open_runner(content, format="tflite") as runner:
        found = runner.predict(PIXELS.astype("uint8"))
    assert np.abs(found - np.asarray(model(PIXELS))).mean() < 0.03
