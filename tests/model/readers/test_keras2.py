"""Files of Keras 2, written by Keras 2 itself (tf_keras), read into Keras 3 with the same answers."""

import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.readers.opening import load_file
from cnnedge.model.source import read_source

# The same float32 weights through the same TensorFlow kernels, summed in another order: units in the last place
# (2**-24) of activations of a few units, whatever cancels in the single logit at the end. A lost weight moves 1e-2.
TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def keras2():
    keras = pytest.importorskip("tf_keras")
    keras.utils.set_random_seed(7)
    return keras


def base(keras2):
    layers = keras2.layers
    image = keras2.Input((16, 16, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
    x = layers.ReLU(6.0)(layers.DepthwiseConv2D(3)(x))
    x = layers.LeakyReLU(alpha=0.2)(layers.SeparableConv2D(6, 3)(x))
    return settled(keras2.Model(image, x))


def settled(model):
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0.2, 0.3, value.shape) ** 2 + 0.05 for value in model.get_weights()])
    return model


def teachable_machine(keras2):
    """Two Sequentials in a Sequential, the first with the base in it: keras_model.h5 of Teachable Machine."""
    layers = keras2.layers
    features = keras2.Sequential([base(keras2), layers.GlobalAveragePooling2D()])
    classifier = keras2.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, "softmax", use_bias=False)])
    return keras2.Sequential([features, classifier])


def transfer_learning(keras2):
    """The guide of TensorFlow 2: augmentation, functions on tensors, the base called, one logit."""
    layers = keras2.layers
    image = keras2.Input((16, 16, 3))
    x = keras2.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])(image)
    x = keras2.applications.mobilenet_v2.preprocess_input(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(base(keras2)(x, training=False)))
    return keras2.Model(image, layers.Dense(1)(x))


def image_classification(keras2):
    """The tutorial of TensorFlow 2: the first layer has the shape of the image; and a transposed convolution."""
    layers = keras2.layers
    net = [layers.Rescaling(1 / 255, input_shape=(16, 16, 3)), layers.Conv2DTranspose(4, 3, strides=2)]
    net += [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3)]
    return keras2.Sequential(net)


def operators(keras2):
    """``a + b`` and its like between tensors, with a number on the left, and functions: each a TFOpLambda there."""
    import tensorflow as tf

    layers = keras2.layers
    image = keras2.Input((16, 16, 3))
    one, two = (layers.Conv2D(4, 3, activation="tanh")(image) for _ in range(2))
    x = tf.maximum(1.0 - (one + two) * one, two - one)
    x = tf.concat([tf.nn.elu(2.0 * x), 0.5 + one], -1)
    return settled(keras2.Model(image, layers.Dense(3, "softmax")(tf.reduce_mean(x, [1, 2]))))


def called_twice(keras2):
    """A nested Sequential that is called on two tensors, whose making Keras 2 counts as its first call."""
    layers = keras2.layers
    image = keras2.Input((16, 16, 3))
    shared = keras2.Sequential([layers.InputLayer((16, 16, 3)), layers.Conv2D(4, 3, activation="tanh")])
    x = layers.Subtract()([shared(image), shared(layers.Rescaling(0.5)(image))])
    return settled(keras2.Model(image, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(x))))


HEADS = {
    teachable_machine: "probabilities",
    transfer_learning: "logit",
    image_classification: "logits",
    operators: "probabilities",
    called_twice: "probabilities",
}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("build", HEADS)
def test_keras_3_answers_as_keras_2_did(build, suffix, keras2, tmp_path, pixels):
    model = build(keras2)
    images = pixels[:6].astype("float32")
    expected = model(images, training=False).numpy()
    assert np.ptp(expected) > 1e-3
    model.save(tmp_path / f"theirs{suffix}")
    loaded = load_file(tmp_path / f"theirs{suffix}")
    assert np.abs(np.asarray(loaded(images, training=False)) - expected).max() < TOLERANCE
    source = read_source(tmp_path / f"theirs{suffix}")
    assert source.model.input_shape == (None, 16, 16, 3)
    assert source.reference.head == HEADS[build]


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_function_without_a_layer_is_named_and_not_called_a_lambda(suffix, keras2, tmp_path):
    import tensorflow as tf

    image = keras2.Input((8, 8, 3))
    x = tf.math.cumsum(keras2.layers.Conv2D(4, 3)(image), 1)
    keras2.Model(image, keras2.layers.Dense(3, "softmax")(keras2.layers.Flatten()(x))).save(tmp_path / f"a{suffix}")
    with pytest.raises(ModelError, match=r"it calls .*, for which Keras 3 has no layer; give the SavedModel"):
        load_file(tmp_path / f"a{suffix}")
