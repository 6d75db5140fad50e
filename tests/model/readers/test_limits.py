"""Files that declare more than they hold, or point elsewhere: refused before memory is taken."""

import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.benchmark.memory import peak_bytes
from cnnedge.errors import ModelError
from cnnedge.model.readers.opening import load_file
from cnnedge.model.source import read_source


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


def configured(source, path, old, new):
    """The archive with one number of its configuration changed."""

    def change(name, content):
        return re.sub(old, new, content) if name == "config.json" else content

    return rewritten(source, path, change)


HOSTILE = {
    # 3 x 3 x 3 weights for each filter and one more, then 3 for each and 3 more of the dense layer.
    "filters": (
        rb'(?<="filters": )4|(?<=null, )4(?=\])',
        b"100000000",
        r"3,100,000,003 weights \(conv2d.*: 3 x 3 x 3 x 10+\)",
    ),
    # 8 x 8 x 3 x 4 and 4, and 15.
    "kernel": (rb'"kernel_size": \[3, 3\]', b'"kernel_size": [8, 8]', r"787 weights \(conv2d.*: 8 x 8 x 3 x 4\)"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_more_weights_than_the_file_holds(case, honest, tmp_path):
    old, new, told = HOSTILE[case]
    with pytest.raises(ModelError, match=rf"declares layers of {told}.* and holds 127"):
        load_file(configured(honest, tmp_path / "wide.keras", old, new))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_product_of_sizes_takes_no_memory(name, tmp_path):
    """Two layers of 40,000 units have 1.6 billion weights between them, though the file holds 120,000 numbers."""
    image = keras.Input((1, 1, 1))
    x = layers.Dense(40, use_bias=False)(layers.Flatten()(image))
    for _ in range(2):
        x = layers.Dense(40, use_bias=False)(x)
    keras.Model(image, layers.Dense(2)(x)).save(tmp_path / name)
    change_config(tmp_path / name, rb'(?<="units": )40|(?<=null, )40(?=\])', b"40000")
    before = peak_bytes()
    with pytest.raises(
        ModelError, match=r"declares layers of 3,200,120,002 weights \(dense.*: 40000 x 40000\) and holds"
    ):
        load_file(tmp_path / name)
    assert peak_bytes() - before < 200e6  # 12.8 GB, were they made


def change_config(path, old, new):
    if path.suffix == ".keras":
        configured(path, path.with_suffix(".new"), old, new).rename(path)
        return
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = re.sub(old, new, file.attrs["model_config"].encode())


def test_pictures_that_grow_take_no_memory(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.UpSampling2D(4096, interpolation="bilinear")(image)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "growing.keras")
    with pytest.raises(ModelError, match=r"has UpSampling2D 'up_.*', which needs 12,884,901,888 bytes of memory"):
        read_source(tmp_path / "growing.keras")
    model.export(tmp_path / "growing", verbose=False)
    with pytest.raises(ModelError, match=r"has UpSampling2D 'resize', which needs 12,884,901,888 bytes of memory"):
        read_source(tmp_path / "growing")


def test_layers_that_are_traced_step_by_step(tmp_path):
    image = keras.Input((8, 8))
    keras.Model(image, layers.LSTM(3, unroll=True)(image)).save(tmp_path / "sequences.keras")
    with pytest.raises(ModelError, match=r"has LSTM 'lstm.*', made for sequences"):
        load_file(
            configured(tmp_path / "sequences.keras", tmp_path / "long.keras", rb"\[null, 8, 8\]", b"[null, 1000000, 8]")
        )


def test_what_a_refused_file_declared_is_never_made(honest, tmp_path):
    """Keras makes weights that are wanted at the end of the next scope of its own."""
    with pytest.raises(ModelError):
        load_file(configured(honest, tmp_path / "wide.keras", *HOSTILE["filters"][:2]))
    with keras.StatelessScope():
        pass
    assert load_file(honest).count_params() == 127


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
