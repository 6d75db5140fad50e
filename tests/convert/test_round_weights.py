import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.round_weights import EIGHT_BITS, SEVEN_BITS, with_rounded_weights

PIXELS = np.random.default_rng(3).integers(100, 256, (16, 12, 12, 3)).astype("float32")


@pytest.fixture(scope="module")
def network(tensorflow):
    """Every kind of weighted layer, without padding, so that all places see whole windows."""
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, activation="relu", kernel_initializer="random_normal", name="first")(image)
    x = layers.DepthwiseConv2D(
        3, depth_multiplier=2, activation="relu", depthwise_initializer="random_normal", name="depthwise"
    )(x)
    x = layers.Conv2D(6, 1, groups=2, activation="relu", kernel_initializer="random_normal", name="grouped")(x)
    x = layers.Dense(5, kernel_initializer="random_normal", name="logits")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Softmax()(x))


@pytest.mark.parametrize("levels", [EIGHT_BITS, SEVEN_BITS])
def test_weights_are_whole_steps_of_their_channel(network, levels):
    twin = with_rounded_weights(network, PIXELS, levels=levels)
    for layer, other in zip(network.layers, twin.layers, strict=True):
        if layer.get_weights():
            kernel, rounded = layer.get_weights()[0], other.get_weights()[0]
            axes = {"Dense": (0,), "DepthwiseConv2D": (0, 1)}.get(type(layer).__name__, (0, 1, 2))
            step = np.abs(kernel).max(axis=axes, keepdims=True) / levels
            codes = rounded / step
            assert np.abs(codes - np.round(codes)).max() < 1e-3 and np.abs(codes).max() == pytest.approx(levels)
            assert np.abs(rounded - kernel).max() <= 0.5 * step.max() * 1.001


@pytest.mark.parametrize("name", ["first", "depthwise", "grouped", "logits"])
def test_means_of_outputs_stay(network, name):
    """Each layer alone, fed the network's own inputs: the mean of what it gives before any ReLU does not move."""
    layer = network.get_layer(name)
    index = network.layers.index(layer)
    rounded = with_rounded_weights(network, PIXELS, levels=SEVEN_BITS).layers[index]
    fed = keras.Model(network.inputs, layer.input)(PIXELS)
    means = []
    for each in (layer, rounded):
        config = {**each.get_config(), "activation": "linear"}
        linear = type(each).from_config(config)
        linear.build(layer.input.shape)
        linear.set_weights(each.get_weights())
        values = np.asarray(linear(fed), "float64")
        means.append(values.reshape(-1, values.shape[-1]).mean(0))
    # Convolutions see the places near the edge less often: with 12 x 12 places and windows of 3 a few per cent of
    # the shift remain; without the correction all of it does.
    shift = np.asarray(layer.get_weights()[1]) - np.asarray(rounded.get_weights()[1])
    assert np.abs(shift).max() > 0
    assert np.abs(means[0] - means[1]).max() < 0.1 * np.abs(shift).max()
