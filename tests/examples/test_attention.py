"""Feature maps and heat maps, against networks whose answers can be worked out by hand."""

import numpy as np
import pytest

from cnnedge.data import ArraySplit, pixels_of
from cnnedge.errors import UsageError
from cnnedge.examples.attention import busiest_of_each_class, feature_maps, grad_cam, layer_table, map_layers
from cnnedge.model.networks import build_model

RED, GREEN = 0, 1


@pytest.fixture(scope="module")
def colour_model():
    """Two classes, red and green: the score of each is the mean of its colour, so each red pixel speaks for red."""
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3))
    colours = layers.Conv2D(2, 1, activation="relu", name="colours")(image)
    pooled = layers.GlobalAveragePooling2D()(colours)
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="head")(pooled))
    model.get_layer("colours").set_weights([np.eye(3, 2, dtype=np.float32)[None, None], np.zeros(2, np.float32)])
    model.get_layer("head").set_weights([np.eye(2, dtype=np.float32), np.zeros(2, np.float32)])
    return model


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Red top left, green bottom right, black elsewhere: uint8 (8, 8, 3)."""
    image = np.zeros((8, 8, 3), np.uint8)
    image[:3, :3, RED] = 200
    image[5:, 4:, GREEN] = 100
    return image


def test_heat_lies_on_what_speaks_for_the_class_asked_about(colour_model, picture):
    heat = grad_cam(colour_model, np.stack([picture, picture]), np.array([RED, GREEN]))
    # The map is as large as the image, and the score before the softmax is linear: the heat is the colour over its
    # largest value.
    np.testing.assert_allclose(heat[0], picture[..., RED] / 200, atol=1e-6)
    np.testing.assert_allclose(heat[1], picture[..., GREEN] / 100, atol=1e-6)


def test_no_heat_where_nothing_speaks_for_the_class(colour_model, picture):
    without_green = picture * np.array([1, 0, 0], np.uint8)
    assert np.array_equal(grad_cam(colour_model, without_green[None], np.array([GREEN]))[0], np.zeros((8, 8)))


def test_feature_map_is_what_the_convolution_gives(colour_model, picture):
    maps = feature_maps(colour_model, picture[None], "colours")
    np.testing.assert_allclose(maps[0], picture[..., :2], rtol=1e-6)


def test_feature_maps_include_batch_norm_and_relu(digits_model, sample):
    import keras

    images = pixels_of(sample.test, 5)
    inside = keras.Model(digits_model.inputs[0], digits_model.get_layer("relu2").output)
    # Folding moves the normalization into float32 weights: rounding of 2**-24 relative over 72 products.
    expected = inside.predict(images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(feature_maps(digits_model, images, "conv2"), expected, atol=1e-5 * expected.max())


def test_heat_of_a_trained_network_has_the_size_of_the_image(digits_model, sample):
    heat = grad_cam(digits_model, pixels_of(sample.test, 20), sample.test.labels[:20])
    assert heat.shape == (20, 28, 28) and heat.dtype == np.float32
    assert heat.min() >= 0 and np.allclose(heat.max(axis=(1, 2)), 1)


def test_layer_chosen_by_name(digits_model, sample):
    assert map_layers(digits_model) == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    early = grad_cam(digits_model, pixels_of(sample.test, 1), sample.test.labels[:1], layer="conv2")
    assert not np.allclose(early, grad_cam(digits_model, pixels_of(sample.test, 1), sample.test.labels[:1]))


def test_unknown_layer_is_refused_with_those_that_exist(colour_model, picture):
    with pytest.raises(UsageError, match="no convolution 'conv9': expected one of colours"):
        feature_maps(colour_model, picture[None], "conv9")


def test_network_without_convolutions_is_refused():
    import keras
    from keras import layers

    image = keras.Input((4, 4, 1))
    flat = keras.Model(image, layers.Dense(2, activation="softmax")(layers.Flatten()(image)))
    with pytest.raises(UsageError, match="no convolution"):
        grad_cam(flat, np.zeros((1, 4, 4, 1), np.uint8), np.array([0]))


def test_one_class_is_needed_for_each_image(colour_model, picture):
    with pytest.raises(ValueError, match=r"classes are of shape \(2,\), expected \(1,\)"):
        grad_cam(colour_model, picture[None], np.array([RED, GREEN]))


def test_layer_table_has_the_figures_of_the_builders_docstring():
    table = layer_table(build_model("mnist")).splitlines()
    assert table[1].split() == ["conv1", "(Conv2D)", "28", "x", "28", "x", "16", "144", "112,896"]
    assert table[-1].split() == ["total", "34,746", "4,857,408"]


def test_busiest_image_of_each_class_comes_first_by_class():
    images = np.zeros((5, 4, 4, 3), np.uint8)
    images[1, ::2] = 100  # stripes
    images[2, ::2] = 50
    images[3, ::2, ::2] = images[3, 1::2, 1::2] = 200  # a chequerboard
    assert busiest_of_each_class(ArraySplit(images, np.array([0, 0, 1, 2, 2]))) == [3, 1, 2]
