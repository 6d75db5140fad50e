"""Resizing for which TFLite has no operator, as products: the same pictures."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.model.fold import fold

PIXELS = np.random.default_rng(5).integers(0, 256, (3, 20, 14, 3)).astype("float32")


def network(*resizing):
    x = image = keras.Input((20, 14, 3))
    for layer in resizing:
        x = layer(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos3", "lanczos5", "area"])
@pytest.mark.parametrize("size", [(9, 11), (31, 33), (20, 6)])
def test_every_new_pixel_is_that_of_keras(interpolation, size):
    resizing = layers.Resizing(*size, interpolation=interpolation)
    folded = fold(network(resizing))
    assert "Resizing" not in kinds(folded)
    made = keras.Model(folded.inputs, folded.get_layer(resizing.name).output)
    wanted, found = np.asarray(resizing(PIXELS)), np.asarray(made(PIXELS))
    # Sums of at most 20 products in another order, each below 2 * 255, rounded by 2**-24 of that; two such sums.
    assert found.shape == wanted.shape and np.abs(found - wanted).max() < 2 * 20 * 2 * 255 * 2**-23


def test_what_comes_before_and_behind_stays_right():
    """BGR with means, as `caffe` has it, before; a map made larger behind."""
    model = network(
        layers.Resizing(12, 12, interpolation="bicubic"),
        layers.Rescaling(1.0, offset=[-103.9, -116.8, -123.7]),
        layers.UpSampling2D(2, interpolation="lanczos3"),
    )
    folded = fold(model)
    assert {"Resizing", "UpSampling2D"}.isdisjoint(kinds(folded))
    assert np.abs(np.asarray(folded(PIXELS)) - np.asarray(model(PIXELS))).max() < 1e-4


@pytest.mark.parametrize(
    "resizing",
    [
        layers.Resizing(9, 9, interpolation="bilinear"),
        layers.Resizing(9, 9, interpolation="bicubic", crop_to_aspect_ratio=True),
    ],
)
def test_what_has_an_operator_or_cuts_first_stays(resizing):
    assert "Resizing" in kinds(fold(network(resizing)))
