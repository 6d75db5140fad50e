"""Limits far above what they limit, in files with activations of 16 bits."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner


@pytest.mark.parametrize(
    "step",
    [
        layers.UnitNormalization(), layers.ReLU(1e10), lambda x: keras.ops.clip(x, -1e9, 1e9),
        lambda x: keras.ops.minimum(x, 1e12),
    ],
    ids=["unit", "relu", "clip", "minimum"],
)  # fmt: skip
def test_sixteen_bits_keep_what_is_below_a_far_limit(tensorflow, step):
    """Answers were off by up to 0.8 of a probability, where 16 bits are right to 0.003 and 8 to 0.01."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = step(layers.Conv2D(6, 3)(layers.Rescaling(1 / 255)(image)))
    x = layers.Flatten()(layers.Conv2D(4, 3)(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")
    content = convert_tflite(fold(model), precision="int16x8", pixels=pixels.astype("float32"))
    with open_runner(content, format="tflite") as runner:
        assert np.abs(runner.predict(pixels) - np.asarray(model(pixels.astype("float32")))).max() < 0.01


def test_a_limit_within_reach_stays(tensorflow):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.ops.minimum(layers.Conv2D(6, 3)(layers.Rescaling(1 / 255)(image)), 0.1)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")
    content = convert_tflite(fold(model), precision="int16x8", pixels=pixels.astype("float32"))
    with open_runner(content, format="tflite") as runner:
        assert np.abs(runner.predict(pixels) - np.asarray(model(pixels.astype("float32")))).max() < 0.01
