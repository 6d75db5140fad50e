"""Starting from a network that was trained before."""

import keras
import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.keras_file import save_keras
from cnnedge.model.networks import build_model
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Recipe
from cnnedge.training.start import replace_head, starting_network

RECIPE = Recipe(epochs=1)


def test_init_keeps_the_weights_and_replaces_the_head(tmp_path):
    path = tmp_path / "digits.keras"
    trained = build_model("mnist-tiny", seed=7)
    save_keras(trained, path)
    init = SavedNetwork.of(path)
    same = starting_network(TrainingJob("mnist-tiny", RECIPE, init=init), num_classes=10)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), trained.get_weights(), strict=True))
    letters = starting_network(TrainingJob("mnist-tiny", RECIPE, init=init), num_classes=3)
    assert letters.output_shape == (None, 3)
    assert letters.layers[-1].name == "probabilities"
    assert np.array_equal(letters.get_layer("conv5").get_weights()[0], same.get_layer("conv5").get_weights()[0])
    with pytest.raises(ModelError, match=r"takes images of shape \(28, 28, 1\), expected \(32, 32, 3\) as cifar10"):
        starting_network(TrainingJob("cifar10", RECIPE, init=init), num_classes=10)


def test_a_file_that_changed_since_the_job_was_made(tmp_path):
    path = tmp_path / "digits.keras"
    save_keras(build_model("mnist-tiny", seed=7), path)
    job = TrainingJob("mnist-tiny", RECIPE, init=SavedNetwork.of(path))
    save_keras(build_model("mnist-tiny", seed=8), path)
    with pytest.raises(ModelError, match=r"digits\.keras has changed: SHA-256 .*; begin again with it"):
        starting_network(job, num_classes=10)


def test_width_scales_a_fresh_network():
    half = starting_network(TrainingJob("cifar10", RECIPE, width=0.5), num_classes=10)
    # 32, 32, 64, 64, 64, 96, 96, 96 and 160 channels, halved.
    assert [half.get_layer(f"conv{number}").filters for number in range(1, 10)] == [16, 16, 32, 32, 32, 48, 48, 48, 80]


def test_a_head_that_is_not_dense_cannot_be_replaced():
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Softmax()(keras.layers.Flatten()(image)), name="odd")
    with pytest.raises(ModelError, match="odd ends in InputLayer, expected Dense"):
        replace_head(model, 3, seed=0)


def test_init_of_a_network_from_elsewhere_that_gave_logits(tmp_path):
    """Such a network is read with a softmax of its own behind its last Dense layer."""
    image = keras.Input((28, 28, 1))
    logits = keras.layers.Dense(3, name="scores")(keras.layers.Flatten(name="flat")(image / 255))
    theirs = keras.Model(image, logits)
    theirs.save(tmp_path / "theirs.h5")
    init = SavedNetwork.of(tmp_path / "theirs.h5")
    started = starting_network(TrainingJob("mnist-tiny", RECIPE, init=init), num_classes=10)
    assert [layer.name for layer in started.layers][-2:] == ["flat", "probabilities"]
    assert started.output_shape == (None, 10)
