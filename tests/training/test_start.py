"""Starting from a network that was trained before."""

import keras
import numpy as np
import pytest

from cnnedge.errors import ModelError, UsageError
from cnnedge.model.keras_file import save_keras
from cnnedge.model.networks import build_model
from cnnedge.training.start import replace_head, starting_network


def test_init_keeps_the_weights_and_replaces_the_head(tmp_path):
    path = tmp_path / "digits.keras"
    trained = build_model("mnist-tiny", seed=7)
    save_keras(trained, path)
    same = starting_network("mnist-tiny", num_classes=10, seed=0, init=path)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), trained.get_weights(), strict=True))
    letters = starting_network("mnist-tiny", num_classes=3, seed=0, init=path)
    assert letters.output_shape == (None, 3)
    assert letters.layers[-1].name == "probabilities"
    assert np.array_equal(letters.get_layer("conv5").get_weights()[0], same.get_layer("conv5").get_weights()[0])
    with pytest.raises(ModelError, match=r"takes images of shape \(28, 28, 1\), expected \(32, 32, 3\) as cifar10"):
        starting_network("cifar10", num_classes=10, seed=0, init=path)


def test_width_scales_a_fresh_network_and_contradicts_init(tmp_path):
    half = starting_network("cifar10", num_classes=10, seed=0, init=None, width=0.5)
    # 32, 32, 64, 64, 64, 96, 96, 96 and 160 channels, halved.
    assert [half.get_layer(f"conv{number}").filters for number in range(1, 10)] == [16, 16, 32, 32, 32, 48, 48, 48, 80]
    with pytest.raises(UsageError, match=r"a network that has its width: leave --width 0\.5 out"):
        starting_network("mnist", num_classes=10, seed=0, init=tmp_path / "any.keras", width=0.5)


def test_a_head_that_is_not_dense_cannot_be_replaced():
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Softmax()(keras.layers.Flatten()(image)), name="odd")
    with pytest.raises(ModelError, match="odd ends in Softmax, expected Dense"):
        replace_head(model, 3, seed=0)
