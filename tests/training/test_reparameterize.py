"""Branches beside convolutions: a larger network to train, the plain one to keep, one function."""

import keras
import numpy as np
import pytest

from cnnedge.errors import UsageError
from cnnedge.model.networks import build_model, count_macs
from cnnedge.training.fit import train
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import BRANCHES, Recipe
from cnnedge.training.reparameterize import fuse, with_branches

PIXELS = np.random.default_rng(2).integers(0, 256, (32, 28, 28, 1)).astype("float32")


@pytest.mark.parametrize(("kind", "cost"), [("asymmetric", 1 + 6 / 9), ("pointwise", 1 + 1 / 9)])
def test_the_plain_network_computes_what_was_trained(kind, cost):
    plain = build_model("mnist-tiny", seed=3)
    branched = with_branches(plain, BRANCHES[kind])
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in branched.layers)
    assert convolutions == 5 * (1 + len(BRANCHES[kind]))
    assert count_macs(branched) == pytest.approx(cost * count_macs(plain), rel=2e-3)  # the head has no branches
    for _ in range(3):  # statistics of the batch, so that every normalization does something
        branched(PIXELS, training=True)
    learn_a_step(branched)
    expected = np.asarray(branched(PIXELS, training=False))
    assert np.abs(np.asarray(plain(PIXELS, training=False)) - expected).max() > 0.01
    fuse(branched, into=plain)
    assert np.abs(np.asarray(plain(PIXELS, training=False)) - expected).max() < 1e-5
    one, other = (np.asarray(branched.get_layer(name).kernel) for name in names_of_two(kind))
    assert not np.array_equal(one.reshape(-1), other.reshape(-1))


def learn_a_step(network):
    """Move every weight, the head's among them, from where the plain network's are."""
    network.compile(optimizer=keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
    network.fit(PIXELS, np.arange(len(PIXELS)) % 10, batch_size=len(PIXELS), verbose=0)


def names_of_two(kind):
    """Two branches of one size, which must not start with the same weights."""
    return ("conv1_1x3", "conv1_3x1") if kind == "asymmetric" else ("conv3_1x1", "conv4_1x1")


def test_a_training_with_branches_ends_in_the_plain_network(sample, tmp_path):
    recipe = Recipe(epochs=1, branches="asymmetric")
    network = train(TrainingJob("mnist-tiny", recipe), sample, folder=tmp_path)
    fresh = build_model("mnist-tiny")
    assert [layer.name for layer in network.layers] == [layer.name for layer in fresh.layers]
    assert network.count_params() == fresh.count_params()
    assert np.array_equal(network.get_layer("bn1").gamma, np.ones(8))


def test_words_and_combinations_are_checked(tmp_path):
    with pytest.raises(UsageError, match=r"unknown --branches 'many': expected one of none, asymmetric, pointwise"):
        Recipe(epochs=1, branches="many")
    saved = SavedNetwork(tmp_path / "mine.keras", "0" * 64)
    with pytest.raises(UsageError, match=r"--init .*mine.keras brings a trained .* leave --branches pointwise out"):
        TrainingJob("mnist", Recipe(epochs=1, branches="pointwise"), init=saved)
