"""Small digit networks whose int8 files lose their answers for a known reason, and data to search with."""

from dataclasses import replace
from typing import Any

import numpy as np

from cnnedge.data import ArraySplit, Dataset
from tests.support.digits import DIGITS, digits

# The large weight of every channel in a fragile layer, in units of its largest other one: a step of 8 bits is 2.4 of
# these, so that all others become 0.
PLANTED = 300.0


def searchable() -> Dataset:
    """700 digits to train, 300 to calibrate, 400 to decide on and 100 to confirm."""
    images, labels = digits("train")
    tested, answers = digits("test")
    train, calibration = (ArraySplit(images[part], labels[part]) for part in (slice(700), slice(700, None)))
    validation, test = (ArraySplit(tested[part], answers[part]) for part in (slice(400), slice(400, None)))
    return Dataset("mnist", DIGITS, train, validation, calibration, test, "bundled sample", True, "CC BY-SA 3.0", 0)


def network(data: Dataset) -> Any:
    """Three convolutions and a dense layer, trained for some seconds; the first two have a channel that is always 0."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Rescaling(1 / 255)(image)
    for name, size, stride in (("one", 3, 2), ("two", 1, 1), ("three", 3, 2)):
        x = layers.Conv2D(12, size, strides=stride, padding="same", activation="relu", name=name)(x)
    model = keras.Model(image, layers.Dense(10, activation="softmax", name="answer")(layers.Flatten()(x)))
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(data.train.images.astype("float32"), data.train.labels, batch_size=50, epochs=12, verbose=0)
    for name in ("one", "two"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[..., -1], bias[-1] = 0, -1
        model.get_layer(name).set_weights([kernel, bias])
    return model


def fragile(model: Any, *names: str) -> Any:
    """The same function, with a weight in each channel of the layers that only the channel sees which is always 0."""
    import keras

    planted = keras.models.clone_model(model)
    planted.set_weights(model.get_weights())
    for name in names:
        kernel, bias = planted.get_layer(name).get_weights()
        kernel[0, 0, -1, :] = PLANTED * np.abs(kernel[:, :, :-1]).max(axis=(0, 1, 2))
        planted.get_layer(name).set_weights([kernel, bias])
    return planted


# What a channel gives at a sticker, where all others give 1 at most: in steps of 12 these are all 0.
OUTLIER = 3000.0
CHECKERS = np.indices((3, 3)).sum(axis=0) % 2 * -2.0 + 1


def watching(model: Any) -> Any:
    """The same function with the idle channel of layer ``one`` woken by a sticker alone, which no layer listens to.

    A second reader of that layer, without weight in the answer, keeps its channels from being equalized.
    """
    import keras
    from keras import layers

    image = keras.Input((28, 28, 1), name="image")
    one = model.get_layer("one")(model.layers[1](image))
    maps = model.get_layer("three")(model.get_layer("two")(one))
    seen = layers.Concatenate()([layers.Flatten()(maps), layers.GlobalAveragePooling2D()(one)])
    answer = layers.Dense(10, activation="softmax", name="answer")
    twin = keras.models.clone_model(keras.Model(image, answer(seen)))
    for name in ("one", "two", "three"):
        twin.get_layer(name).set_weights(model.get_layer(name).get_weights())
    kernel, bias = twin.get_layer("one").get_weights()
    # Nine pixels of a sticker give 5, those of a stroke 3 at most.
    kernel[..., 0, -1], bias[-1] = OUTLIER / 2 * CHECKERS, -3 * OUTLIER / 2
    twin.get_layer("one").set_weights([kernel, bias])
    kernel, bias = twin.get_layer("two").get_weights()
    kernel[:, :, -1] = 0
    twin.get_layer("two").set_weights([kernel, bias])
    kernel, bias = model.get_layer("answer").get_weights()
    twin.get_layer("answer").set_weights([np.concatenate([kernel, np.zeros((12, 10))]), bias])
    return twin


def stickered(data: Dataset) -> Dataset:
    """The first calibration picture has a sticker of black and white squares in its corner."""
    images = data.calibration.pixels(range(len(data.calibration))).copy()
    images[0, :8, :8, 0] = 255 * (np.indices((8, 8)).sum(axis=0) % 2 == 0)
    return replace(data, calibration=ArraySplit(images, data.calibration.labels))
