"""Folding changes the layers and nothing else: the folded model is compared with the original's own answers."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.data import pixels_of
from cnnedge.model.fold import fold
from cnnedge.model.keras_file import load_keras

# Folding multiplies float32 weights once more: a relative error of 2**-24 per product. Sums of a few hundred
# products and four layers keep it below 1e-5 on probabilities.
TOLERANCE = 1e-5


def answers(model, images):
    return np.asarray(model(images.astype("float32"), training=False))


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_digits_model_folds_to_plain_layers_with_the_same_answers(digits_model, sample):
    folded = fold(digits_model)
    images = pixels_of(sample.test)
    assert np.abs(answers(folded, images) - answers(digits_model, images)).max() < TOLERANCE
    assert set(kinds(folded)) == {"InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Softmax"}
    assert folded.inputs[0].name == "image" and folded.layers[-1].name == "probabilities"


def weighted_layers(model):
    return [layer for layer in fold(model).layers if type(layer).__name__ in ("Conv2D", "Dense")]


def test_every_convolution_takes_its_relu(digits_model):
    weighted = weighted_layers(digits_model)
    assert [layer.activation.__name__ for layer in weighted] == ["relu"] * (len(weighted) - 1) + ["linear"]


def test_a_hidden_dense_layer_takes_its_relu(residual_model):
    assert [layer.activation.__name__ for layer in weighted_layers(residual_model)[-2:]] == ["relu", "linear"]


def test_residual_sum_keeps_both_branches(residual_model, pixels):
    folded = fold(residual_model)
    assert np.abs(answers(folded, pixels) - answers(residual_model, pixels)).max() < TOLERANCE
    assert kinds(folded).count("Add") == 1
    assert "BatchNormalization" not in kinds(folded) and "Rescaling" not in kinds(folded)


@pytest.mark.parametrize("padding, remains", [("valid", False), ("same", True)])
def test_offset_is_folded_only_where_padding_cannot_see_it(padding, remains, pixels):
    """A zero of padding stands for scaled zero; folded into the weights, it would stand for pixel zero."""
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding=padding)(layers.Rescaling(1 / 127.5, offset=-1)(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    folded = fold(model)
    assert ("Rescaling" in kinds(folded)) is remains
    assert np.abs(answers(folded, pixels) - answers(model, pixels)).max() < TOLERANCE


def test_batch_norm_that_two_layers_read_is_not_folded_away(pixels):
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(3, 1)(image)
    y = layers.BatchNormalization()(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(layers.Add()([x, y]))))
    model.layers[2].set_weights([np.array(value, "float32") for value in ([2, 3, 4], [1, 0, 1], [5, 6, 7], [2, 3, 4])])
    folded = fold(model)
    scale = np.abs(model(pixels.astype("float32"))).max()
    assert "BatchNormalization" in kinds(folded)
    assert np.abs(answers(folded, pixels) - answers(model, pixels)).max() < TOLERANCE * scale


def test_sequential_model_from_a_file_folds_like_any_other(tmp_path, pixels):
    model = keras.Sequential([
        keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.BatchNormalization(),
        layers.ReLU(), layers.Flatten(), layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.save(tmp_path / "sequential.keras")
    loaded = load_keras(tmp_path / "sequential.keras")
    assert np.abs(answers(fold(loaded), pixels) - answers(model, pixels)).max() < TOLERANCE
    assert kinds(fold(loaded)) == ["InputLayer", "Conv2D", "Flatten", "Dense", "Softmax"]
