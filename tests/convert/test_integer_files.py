"""Equalized where the file is the better for it, and not where it is not."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert import integer_files
from cnnedge.convert.calibration import spanning
from cnnedge.convert.integer_files import IntegerFiles
from cnnedge.convert.round_weights import EIGHT_BITS
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

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


@pytest.fixture(scope="module")
def made(network):
    return files_of(network, np.asarray(network(IMAGES.astype("float32"))))


@pytest.fixture(scope="module")
def without(network, made):
    """The file that is made where nothing can be equalized."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integer_files, "equalized", lambda model, pixels, levels: model)
        plain = files_of(network, made.expected)
        assert not plain.is_equalized(EIGHT_BITS, "int8")
        return plain.file(EIGHT_BITS, "int8")


def test_channels_of_unlike_size_are_equalized(made, without):
    assert made.is_equalized(EIGHT_BITS, "int8")
    assert made._error(made.file(EIGHT_BITS, "int8")) < made._error(without)


def test_the_closer_file_is_kept(network, without, monkeypatch):
    """Wanted are here the answers that the file without gives."""
    monkeypatch.setattr(integer_files, "CLOSE", 0.0)
    with open_runner(without, format="tflite") as runner:
        other = files_of(network, runner.predict(IMAGES))
    assert not other.is_equalized(EIGHT_BITS, "int8")
    assert other.file(EIGHT_BITS, "int8") == without
