"""Weights from an address like Keras's own, served here: fetched once, checked at every use, and never half."""

import http.server
import threading
import warnings
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import mobilenet
from keras.src.legacy.saving import legacy_h5_format

from cnnedge.data import ArraySplit, Dataset
from cnnedge.errors import DataError, UsageError
from cnnedge.model.keras_file import load_keras
from cnnedge.model.networks import PHOTOS
from cnnedge.photos import imagenet
from cnnedge.photos.frozen_base import write_start
from cnnedge.photos.recipe_for import recipe_for
from cnnedge.training import fit
from cnnedge.training.job import SavedNetwork, TrainingJob

FILE = "mobilenet_1_0_128_tf_no_top.h5"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A folder with a weights file of random numbers, and the base that has them."""
    folder = tmp_path_factory.mktemp("served")
    keras.utils.set_random_seed(1)
    network = keras.applications.MobileNet(weights=None, include_top=False, pooling="avg", input_shape=(128, 128, 3))
    for layer in network.layers:
        if hasattr(layer, "kernel"):  # as large as lets the picture through all layers (He)
            fan_in = np.prod(layer.kernel.shape[:2]) * (1 if "dw" in layer.name else layer.kernel.shape[2])
            layer.kernel.assign(keras.random.normal(layer.kernel.shape, stddev=(2 / fan_in) ** 0.5, seed=int(fan_in)))
    with h5py.File(folder / FILE, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return folder, network


@pytest.fixture
def address(served, tmp_path, monkeypatch):
    """The served folder in place of Keras's address; yields the paths that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=served[0])) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", f"http://127.0.0.1:{server.server_port}/")
        yield asked
        server.shutdown()


def test_weights_are_fetched_once_and_damaged_ones_again(served, address):
    pixels = np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3)).astype("float32")
    found = imagenet.base("MobileNet", 128)
    np.testing.assert_array_equal(found(pixels), served[1](pixels))
    kept = imagenet.weights_folder() / FILE
    whole = kept.read_bytes()
    imagenet.base("MobileNet", 128)
    assert address == [f"/{FILE}"], "it was fetched once"
    kept.write_bytes(whole[:-1000])
    imagenet.base("MobileNet", 128)
    assert kept.read_bytes() == whole and len(address) == 2, "the damaged file was fetched again"
    kept.with_name(f"{FILE}.sha256").write_text("0" * 64)
    with pytest.raises(DataError, match="its hash differs; remove it and try again"):
        imagenet.base("MobileNet", 128)


def test_a_size_of_no_weights_of_its_own_takes_those_of_224_without_a_warning(address):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"1_0_224_tf_no_top.h5 cannot be fetched"):
            imagenet.base("MobileNet", 64)


def test_what_cannot_be_had_is_said(address):
    with pytest.raises(UsageError, match=r"unknown --base 'MobilNetV2': .*did you mean MobileNetV2"):
        imagenet.base("MobilNetV2", 128)
    with pytest.raises(DataError, match=r"1_0_160_tf_no_top.h5 cannot be fetched \(HTTP status 404\)"):
        imagenet.base("MobileNet", 160)
    assert not list(imagenet.weights_folder().iterdir())


def test_where_nothing_answers_the_default_base_is_left_out(tmp_path, monkeypatch):
    from keras.src.applications import mobilenet_v2

    from cnnedge.photos.making import reachable_base

    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path))
    monkeypatch.setattr(mobilenet_v2, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/")
    assert reachable_base(96) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("MobileNetV2", [-1.0, 1.0]), ("EfficientNetB0", [0.0, 255.0]), ("ResNet50", [-123.68, 131.32])],
)
def test_what_a_network_takes_is_found_by_trying(name, expected):
    """Black and white in the last channel: as ResNet50 takes BGR less ImageNet's means, its last one is red."""
    found = imagenet.preprocessing_of(name)(np.array([[0, 0, 0], [255, 255, 255]], "uint8"))
    np.testing.assert_allclose(found[:, -1], expected, atol=1e-4)


def test_a_head_on_the_frozen_base_tells_dark_from_light(served, address, tmp_path):
    images = np.random.default_rng(0).integers(0, 100, (24, 128, 128, 3), dtype=np.uint8)
    images[12:] += 150
    split = ArraySplit(images, np.repeat(np.arange(2), 12))
    write_start("MobileNet", split, 2, tmp_path / "start.keras", seed=0)
    network = load_keras(tmp_path / "start.keras")
    np.testing.assert_array_equal(network(images.astype("float32")).numpy().argmax(axis=1), split.labels)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 27 and not any(norm.trainable for norm in norms)
    np.testing.assert_array_equal(
        network.get_layer("conv1").get_weights()[0], served[1].get_layer("conv1").get_weights()[0]
    )
    # The second half: all of the base follows, but for the statistics of its batch norms.
    recipe = recipe_for(len(split), 128, from_base=True, epochs=1)
    data = Dataset("shades", ("dark", "light"), *[split] * 4, "folder", False, "", 0)
    job = TrainingJob(PHOTOS, recipe, init=SavedNetwork.of(tmp_path / "start.keras"), size=128)
    trained = fit.train(job, data, folder=tmp_path)
    for name in ("conv1", "conv_pw_13"):
        assert not np.array_equal(trained.get_layer(name).get_weights()[0], network.get_layer(name).get_weights()[0])
    for norm in norms:
        np.testing.assert_array_equal(trained.get_layer(norm.name).moving_mean, norm.moving_mean)
