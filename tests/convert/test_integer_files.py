"""Equalized where the file is the better for it, and not where it is not."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.integer_files import IntegerFiles
from cnnedge.convert.round_weights import EIGHT_BITS
from cnnedge.model.fold import fold

IMAGES = np.random.default_rng(3).integers(0, 256, (24, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="module")
def network(tensorflow):
    """Two layers, between them channels 2**-6 to 2**6 times as large."""
    keras.utils.set_random_seed(4)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="first")(layers.Rescaling(1 / 255)(image))
    x = layers.Conv2D(8, 3, name="second")(x)
    model = keras.Model(image, layers.Softmax()(layers.Dense(4)(layers.Flatten()(x))))
    factors = 2.0 ** np.arange(-6, 7, 13 / 8).round()
    kernel, bias = model.get_layer("first").get_weights()
    reading, other = model.get_layer("second").get_weights()
    model.get_layer("first").set_weights([kernel * factors, bias])
    model.get_layer("second").set_weights([reading / factors[:, None], other])
    return fold(model)


def files_of(network, expected: np.ndarray) -> IntegerFiles:
    return IntegerFiles(network, spanning(IMAGES.astype("float32")), IMAGES, expected)


def test_the_better_file_of_two_is_kept(network, monkeypatch):
    made = files_of(network, np.asarray(network(IMAGES.astype("float32"))))
    assert made.is_equalized(EIGHT_BITS, "int8")
    # The same, but that the answers wanted are those of the file without: then that one is the better.
    plain = files_of(network, made.expected)
    monkeypatch.setattr("cnnedge.convert.integer_files.equalized", lambda model, pixels, levels: model)
    assert not plain.is_equalized(EIGHT_BITS, "int8")
    assert plain._error(plain.file(EIGHT_BITS, "int8")) > 2 * made._error(made.file(EIGHT_BITS, "int8"))
    monkeypatch.undo()
    from cnnedge.runtime.opening import open_runner

    with open_runner(plain.file(EIGHT_BITS, "int8"), format="tflite") as runner:
        other = files_of(network, runner.predict(IMAGES))
    assert not other.is_equalized(EIGHT_BITS, "int8")
    assert other.file(EIGHT_BITS, "int8") == plain.file(EIGHT_BITS, "int8")
