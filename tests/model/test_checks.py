"""What is no classifier of single images is refused in one line that says what came and what was expected."""

import keras
import pytest
from keras import layers

from cnnedge.errors import ModelError
from cnnedge.model.checks import check_classifier, check_ends, is_plain


def network(shape=(8, 8, 1), *, head=None, dtype="float32"):
    image = keras.Input(shape, dtype=dtype)
    x = layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, (head or layers.Dense(3, activation="softmax"))(x))


def two_outputs():
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(image)
    return keras.Model(image, [layers.Dense(3, activation="softmax")(x), layers.Dense(2, activation="softmax")(x)])


def picture_out():
    image = keras.Input((8, 8, 1))
    return keras.Model(image, layers.Conv2D(3, 3, activation="softmax")(image))


def recurrent():
    image = keras.Input((8, 8))
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.LSTM(4)(image)))


def audio():
    image = keras.Input((160, 1))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 9)(image))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


class Subclassed(keras.Model):
    def call(self, image):
        return image


def quantized():
    model = network()
    model.quantize("int8")
    return model


@pytest.mark.parametrize(
    "build, complaint",
    [
        (lambda: network((None, None, 3)), r"fixed sizes: --input-size N says which"),
        (lambda: network((8, 8, 4)), r"\(8, 8, 4\), expected \(height, width, 1 or 3\)"),
        (two_outputs, r"has 1 input and 2 outputs, expected one of each: keras\.Model\(image, probabilities\)"),
        (picture_out, r"output of shape \(6, 6, 3\), expected \(classes,\): a network that tells where things are"),
        (recurrent, "is LSTM, made for sequences"),
        (audio, "is Conv1D, made for sequences"),
        (Subclassed, r"subclassed model \(Subclassed\)"),
        (quantized, r"quantized by Keras \(int8\)"),
    ],
)
def test_what_is_no_classifier_of_images_is_refused(build, complaint):
    with pytest.raises(ModelError, match=complaint):
        check_ends(build())


def test_an_input_size_that_the_model_does_not_take_is_refused():
    with pytest.raises(ModelError, match=r"--input-size is 9, and the model takes \(8, 8, 1\) alone"):
        check_ends(network(), input_size=9)


def test_folding_wants_a_softmax():
    with pytest.raises(ModelError, match="without a softmax"):
        check_classifier(network(head=layers.Dense(3)))


def nested():
    image = keras.Input((8, 8, 1))
    return keras.Model(image, network()(image))


def shared():
    image = keras.Input((8, 8, 1))
    layer = layers.ReLU()
    x = layers.GlobalAveragePooling2D()(layer(layer(image)))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def operation():
    image = keras.Input((8, 8, 1))
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(image / 255)))


def augmented():
    image = keras.Input((8, 8, 1))
    x = layers.GlobalAveragePooling2D()(layers.RandomFlip()(image))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize(
    "build, plain",
    [
        (network, True),
        (nested, False),
        (shared, False),
        (operation, False),
        (augmented, False),
        (lambda: network(dtype="uint8"), False),
        (lambda: network(head=layers.Dense(3)), False),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, "softmax")]), False),
    ],
)
def test_plain_is_what_needs_no_rebuilding(build, plain):
    assert is_plain(build()) is plain
