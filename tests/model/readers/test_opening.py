"""Every kind of path that someone may name, and what is said of it."""

import os

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.errors import ModelError
from cnnedge.model.readers.opening import load_file


def network(extra=()):
    image = x = keras.Input((8, 8, 3))
    for layer in extra:
        x = layer(x)
    x = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_kind_is_in_the_content_not_in_the_name(name, tmp_path, pixels):
    model = network()
    model.save(tmp_path / name)
    (tmp_path / name).rename(tmp_path / "download (1)")
    loaded = load_file(tmp_path / "download (1)")
    images = pixels[:, :8, :8].astype("float32")
    assert np.abs(np.asarray(loaded(images)) - np.asarray(model(images))).max() < 1e-6


def test_operations_of_keras_3_in_h5(tmp_path, pixels):
    """Keras itself writes such a file and cannot read it: ``Could not locate class 'TrueDivide'``."""
    image = keras.Input((8, 8, 3))
    x = layers.Add()([image / 255 - 0.5, image]) + image
    x = layers.GlobalAveragePooling2D()(keras.ops.relu(x)[..., ::-1])
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    model.save(tmp_path / "theirs.h5")
    images = pixels[:, :8, :8].astype("float32")
    assert np.abs(np.asarray(load_file(tmp_path / "theirs.h5")(images)) - np.asarray(model(images))).max() < 1e-6


def test_weights_alone(tmp_path):
    network().save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ModelError, match="holds weights alone, without the network: save the whole model"):
        load_file(tmp_path / "model.weights.h5")


def test_a_layer_that_a_damaged_file_names_otherwise_is_said(tmp_path):
    """Keras puts no quotes around it, unlike around a class."""
    path = tmp_path / "model.h5"
    image = keras.Input((8, 8, 3))
    keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten(name="flattened")(image))).save(path)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('["flattened", 0', '["flettened", 0')
    with pytest.raises(ModelError, match=r"cannot be read as a Keras model \(it needs 'flettened', which"):
        load_file(path)


def test_a_damaged_saved_model_and_another_folder(tmp_path):
    with pytest.raises(ModelError, match=r"is a folder without saved_model\.pb: expected a \.keras or \.h5 file"):
        load_file(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read as a Keras model"):
        load_file(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ModelError, match="no regular file"):
        load_file(tmp_path / "pipe.keras")


THEIRS = """
import keras

class Doubling(keras.layers.Layer):
    def build(self, shape):
        self.factor = keras.Variable([2.0])

    def call(self, image):
        return self.factor * image
"""


def test_classes_of_their_own_need_the_module_that_has_them(tmp_path, monkeypatch, pixels):
    (tmp_path / "their_layers.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    import their_layers

    model = network([their_layers.Doubling()])
    model.save(tmp_path / "theirs.keras")
    with pytest.raises(ModelError, match=r"needs 'Doubling'.*--allow-custom-objects MODULE"):
        load_file(tmp_path / "theirs.keras")
    loaded = load_file(tmp_path / "theirs.keras", ["their_layers"])
    images = pixels[:, :8, :8].astype("float32")
    assert np.abs(np.asarray(loaded(images)) - np.asarray(model(images))).max() < 1e-6
    with pytest.raises(ModelError, match=r"--allow-custom-objects no_such_module: it cannot be imported"):
        load_file(tmp_path / "theirs.keras", ["no_such_module"])


@pytest.mark.parametrize("name", ["outer.keras", "outer.h5"])
@pytest.mark.parametrize("make", [keras.Sequential, lambda parts: keras.Model(parts[0], parts[2](parts[1](parts[0])))])
def test_a_nested_model_that_was_compiled_on_its_own(make, name, tmp_path, pixels):
    """Keras compiles it while it builds the outer one, although nobody asked for that."""
    inner = network()
    inner.compile("adam", "sparse_categorical_crossentropy")
    outer = make([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), inner])
    outer.save(tmp_path / name)
    images = pixels[:, :8, :8].astype("float32")
    loaded = load_file(tmp_path / name)
    assert np.abs(np.asarray(loaded(images)) - np.asarray(outer(images))).max() < 1e-6
