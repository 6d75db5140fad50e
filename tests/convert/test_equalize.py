"""Channels scaled between layers: the same function, and files that hold it."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.equalize import equalized
from cnnedge.convert.layer_errors.compare import layer_errors
from cnnedge.convert.round_weights import EIGHT_BITS, with_rounded_weights
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

PIXELS = spanning(np.random.default_rng(3).integers(0, 256, (48, 12, 12, 3)).astype("float32"))


def uneven(model: keras.Model) -> keras.Model:
    """The same function, its channels 2**-6 to 2**6 times as large between the layers, and one without weights."""
    rng = np.random.default_rng(5)
    for first, second in (("first", "depthwise"), ("depthwise", "second"), ("second", "logits")):
        one, two = model.get_layer(first), model.get_layer(second)
        (kernel, bias), (reading, other) = one.get_weights(), two.get_weights()
        factors = 2.0 ** rng.integers(-6, 7, len(bias))
        shape = (*factors.shape, 1) if first == "depthwise" else factors.shape
        one.set_weights([kernel * factors.reshape(shape), bias * factors])
        repeated = np.tile(factors, reading.shape[-2] // len(factors))
        two.set_weights([reading / repeated[:, None], other])
    kernel, bias = model.get_layer("second").get_weights()
    kernel[..., 0], bias[0] = 0, 0.25
    model.get_layer("second").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def network(tensorflow):
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.MaxPooling2D()(layers.LeakyReLU()(x))
    x = layers.Conv2D(6, 3, activation="relu", name="second")(x)
    x = layers.Dense(5, kernel_initializer="random_normal", name="logits")(layers.Flatten()(layers.MaxPooling2D()(x)))
    return fold(uneven(keras.Model(image, layers.Softmax()(x))))


def logits(model: keras.Model) -> np.ndarray:
    return np.asarray(keras.Model(model.inputs, model.get_layer("probabilities").input)(PIXELS))


def test_the_function_stays_to_the_last_bit(network):
    twin = equalized(network, PIXELS, levels=EIGHT_BITS)
    assert np.array_equal(logits(twin), logits(network))
    changed = {layer.name for layer in network.layers if layer.weights and not np.array_equal(
        layer.get_weights()[0], twin.get_layer(layer.name).get_weights()[0])}  # fmt: skip
    assert changed == {"first", "depthwise", "second", "logits"}


def answers(model: keras.Model) -> np.ndarray:
    """Of its int8 file."""
    rounded = with_rounded_weights(model, PIXELS, levels=EIGHT_BITS)
    with open_runner(convert_tflite(rounded, precision="int8", pixels=PIXELS), format="tflite") as runner:
        return runner.predict(PIXELS.astype("uint8"))


def test_the_file_has_a_tenth_of_the_noise(network):
    """Channels were made up to 2**12 apart, so that the small ones lost all of their bits."""
    expected = np.asarray(network(PIXELS))
    before, after = (
        np.square(answers(model) - expected).mean()
        for model in (network, equalized(network, PIXELS, levels=EIGHT_BITS))
    )
    assert after < 0.1 * before


def test_every_layer_of_the_file_is_compared_in_the_scales_of_the_model(network, tmp_path):
    rounded = with_rounded_weights(equalized(network, PIXELS, levels=EIGHT_BITS), PIXELS, levels=EIGHT_BITS)
    file = tmp_path / "even.tflite"
    file.write_bytes(convert_tflite(rounded, precision="int8", pixels=PIXELS))
    rows = layer_errors(file, network, PIXELS[:8].astype("uint8"))
    # A scale taken wrongly would be an error of at least half the signal, 6 dB.
    assert {row.layer for row in rows} >= {"first", "depthwise", "second", "logits", "probabilities"}
    assert all(row.own_sqnr_db is None or row.own_sqnr_db > 20 for row in rows)


def test_even_channels_stay_as_they_are(tensorflow):
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, name="first", kernel_initializer=keras.initializers.Constant(0.5))(image)
    x = layers.Dense(2, name="logits", kernel_initializer=keras.initializers.Constant(0.5))(layers.Flatten()(x))
    folded = fold(keras.Model(image, layers.Softmax()(x)))
    twin = equalized(folded, PIXELS, levels=EIGHT_BITS)
    assert all(np.array_equal(*pair) for pair in zip(folded.get_weights(), twin.get_weights(), strict=True))
