"""A channel without weights has a scale, and the file answers."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from cnnedge.convert import to_tflite
from cnnedge.convert.dead_channels import with_live_scales
from cnnedge.runtime.opening import open_runner


@pytest.fixture(scope="module")
def model(tensorflow):
    """What one sigmoid unit becomes: of the first class neither weights nor a bias."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255)(image)))
    made = keras.Model(image, layers.Softmax(name="probabilities")(layers.Dense(2, name="logits")(x)))
    kernel, _ = made.get_layer("logits").get_weights()
    kernel[:, 0] = 0
    made.get_layer("logits").set_weights([9 * kernel, np.array([0, 0.2])])
    return made


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")


def scales(content):
    tensors = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0].tensors
    found = [None if one.quantization is None else one.quantization.scale for one in tensors]
    return [scale for scales in found if scales is not None for scale in scales]


def test_sixteen_bits_answer_as_the_model_does(model, pixels):
    content = to_tflite.convert_tflite(model, precision="int16x8", pixels=pixels)
    assert min(scales(content)) > 0
    with open_runner(content, format="tflite") as runner:
        found = runner.predict(pixels)
    expected = model.predict(pixels.astype("float32"), verbose=0)
    # 8-bit weights: a step of the largest is under a hundredth of the logit.
    assert np.abs(found - expected).max() < 0.01 and np.ptp(expected[:, 1]) > 0.05


def test_a_file_whose_channels_all_have_weights_is_left_alone(pixels):
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 3)(image)))
    content = to_tflite.convert_tflite(keras.Model(image, layers.Softmax()(x)), precision="int16x8", pixels=pixels)
    assert with_live_scales(content) is content
