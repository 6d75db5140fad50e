"""A rebuilt model that answers otherwise is noticed."""

import keras
import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.graph.read import read_graph
from cnnedge.model.proof import FLOAT16, difference, first_difference, float32_rounding, prove_equal, synthetic_pictures


def test_synthetic_pictures_are_pixels_of_every_kind():
    pictures = synthetic_pictures((10, 7, 3))
    assert pictures.shape == (8, 10, 7, 3) and pictures.dtype == np.float32
    assert pictures.min() == 0 and pictures.max() == 255 and np.all(pictures == pictures.round())
    assert np.array_equal(pictures, synthetic_pictures((10, 7, 3)))


def test_differences_are_measured_against_the_range():
    reference = np.array([[0.5, 0.5], [0.0, 1.0]], "float32")
    assert difference(reference + 9e-5, reference) is None
    assert difference(reference + 2e-4, reference) == "outputs differ by 0.0002, at most 0.0001 is rounding"
    assert difference(reference + 2e-4, reference, FLOAT16) is None
    assert difference(reference[:, :1], reference) == "outputs of shape (1,) in place of (2,)"
    assert difference(reference, reference * np.nan) == "the original's own outputs are not finite"
    assert difference(reference * np.nan, reference) is not None


def small():
    image = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 3, name="first")(image)
    x = keras.layers.Conv2D(2, 1, name="second")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="third")(x), name="theirs")


def test_another_function_is_refused():
    model, pictures = small(), synthetic_pictures((4, 4, 1))
    answers = np.asarray(model(pictures))
    prove_equal(model, lambda images: answers, pictures)
    with pytest.raises(ModelError, match=r"answers otherwise than the original: outputs differ by 1e\+06, at most"):
        prove_equal(model, lambda images: answers + 1e6, pictures)


def test_what_float32_itself_loses_is_measured_and_allowed():
    """Two weights that cancel but for 1: float32 holds pixel sums times 2**20 to units of 2, float64 exactly."""
    model, pictures = small(), synthetic_pictures((4, 4, 1))
    first, second = model.get_layer("first"), model.get_layer("second")
    assert float32_rounding(model, pictures) < 1e-3  # values of some hundreds, 24 bits
    kernel = np.full((3, 3, 1, 1), 2.0**20 / 3) * [1, 1]
    first.set_weights([kernel + np.array([0.25, 0.0]), np.zeros(2)])
    second.set_weights([np.array([[[[1.0, 1.0], [-1.0, -1.0]]]]), np.zeros(2)])
    lost = float32_rounding(model, pictures)
    assert 1 < lost < 1e3
    reference = np.array([[0.0, 1.0]])
    assert difference(reference + 3e-4, reference, rounding=1e-4) is None
    assert (
        difference(reference + 9e-4, reference, rounding=1e-4) == "outputs differ by 0.0009, at most 0.0008 is rounding"
    )
    assert difference(reference + 2e-3, reference, rounding=1.0) == "outputs differ by 0.002, at most 0.001 is rounding"


def test_a_bias_that_another_runtime_adds_first_is_allowed_for():
    """64 products on top of 1000: a rounding of 1000 * 2**-24 each, 8 by their root. Added last it costs none."""
    image = keras.Input((8, 8, 1))
    head = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(1000))
    model = keras.Model(image, head(keras.layers.Flatten()(image)))
    pictures = synthetic_pictures((8, 8, 1))
    assert np.all(np.asarray(model(pictures)) == 1000)
    assert float32_rounding(model, pictures) == pytest.approx(1000 * 2**-24 * 8)


def test_the_layer_where_it_begins_is_named():
    model, other = small(), small()
    pictures = synthetic_pictures((4, 4, 1))
    other.set_weights(model.get_weights())
    assert first_difference(read_graph(model), other, pictures, pictures) is None
    other.get_layer("second").kernel.assign_add(np.ones((1, 1, 2, 2)))
    assert first_difference(read_graph(model), other, pictures, pictures) == "second"
