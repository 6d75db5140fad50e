"""Files that declare more than they hold, or point elsewhere: refused before memory is taken."""

import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.errors import ModelError
from cnnedge.model.readers.opening import load_file


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.keras"
    image = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
    keras.Model(image, layers.Dense(3, activation="softmax")(x)).save(path)
    return path


def rewritten(source, path, change):
    """The archive with some entries changed: ``change`` takes and gives name and content."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return path


def test_a_hundred_million_filters(honest, tmp_path):
    def change(name, content):
        return content.replace(b'"filters": 4', b'"filters": 100000000') if name == "config.json" else content

    path = rewritten(honest, tmp_path / "wide.keras", change)
    # 3 x 3 x 3 x 4 + 4 weights of the convolution and 4 x 3 + 3 of the dense layer.
    with pytest.raises(ModelError, match=r"declares filters 100,000,000 in layer 'conv2d.*' and holds 127 weights"):
        load_file(path)


def test_a_kernel_wider_than_all_weights(honest, tmp_path):
    """Each number alone is possible: 65,536 rows of 3 would take 200 MB behind 16 channels."""

    def change(name, content):
        return re.sub(rb'"kernel_size": \[3, 3\]', b'"kernel_size": [3, 65536]', content)

    path = rewritten(honest, tmp_path / "long.keras", change)
    with pytest.raises(ModelError, match=r"declares kernels of 786,432 numbers in layer 'conv2d.*' and holds 127 in"):
        load_file(path)


def test_a_configuration_of_a_gigabyte(honest, tmp_path):
    """Forty megabytes of spaces stand for it: they pack as well."""
    path = rewritten(
        honest, tmp_path / "long.keras", lambda name, content: content + b" " * 40_000_000 * (name == "config.json")
    )
    with pytest.raises(ModelError, match=r"configuration of 40,00\d,\d+ bytes, at most 32,000,000"):
        load_file(path)


def weights(path, tmp_path, change):
    """The archive with its weights changed by a function of the open HDF5 file."""
    with zipfile.ZipFile(path) as archive:
        (tmp_path / "w.h5").write_bytes(archive.read("model.weights.h5"))
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        change(file)
    content = (tmp_path / "w.h5").read_bytes()
    return rewritten(path, tmp_path / "changed.keras", lambda name, old: content if name.endswith(".h5") else old)


def test_a_sparse_bomb(honest, tmp_path):
    path = weights(honest, tmp_path, lambda file: file.create_dataset("big", (1 << 34,), "float32", chunks=(1 << 20,)))
    with pytest.raises(ModelError, match="declares 68,719,476,736 bytes for '/big' and stores 0"):
        load_file(path)


def test_a_link_to_another_file(honest, tmp_path):
    def change(file):
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")

    with pytest.raises(ModelError, match="links to something else under the name 'elsewhere'"):
        load_file(weights(honest, tmp_path, change))


def test_values_in_another_file(honest, tmp_path):
    def change(file):
        file.create_dataset("secret", (4,), "uint8", external=[(str(tmp_path / "secret"), 0, 4)])

    with pytest.raises(ModelError, match="keeps the values of '/secret' in another file"):
        load_file(weights(honest, tmp_path, change))


def test_honest_files_pass(honest, tmp_path):
    model = load_file(honest)
    assert model.count_params() == 127
    model.save(tmp_path / "same.h5")
    again = load_file(tmp_path / "same.h5")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def test_a_configuration_that_is_no_text_of_json(honest, tmp_path):
    path = rewritten(honest, tmp_path / "broken.keras", lambda name, old: b"{" if name == "config.json" else old)
    with pytest.raises(ModelError, match="cannot be read as a Keras model"):
        load_file(path)
    assert json.loads(zipfile.ZipFile(honest).read("config.json"))["class_name"] == "Functional"
