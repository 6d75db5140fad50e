"""Sums of parallel convolutions become one, and only where that is the same function."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.model.fold import fold

# Float32 sums in another order, on probabilities of at most 1: some 2**-24 a layer.
TOLERANCE = 1e-5
PIXELS = np.random.default_rng(5).integers(0, 256, (8, 9, 9, 3)).astype("float32")


def normalized(x):
    """A batch normalization as after training."""
    rng = np.random.default_rng(x.shape[-1])
    norm = layers.BatchNormalization()
    found = norm(x)
    norm.set_weights([rng.uniform(0.5, 1.5, value.shape) for value in norm.get_weights()])
    return found


def branch(size, filters=4, **options):
    return lambda x: normalized(layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x))


def network(*branches, behind=layers.ReLU):
    image = keras.Input((9, 9, 3))
    scaled = layers.Conv2D(4, 1)(layers.Rescaling(1 / 255)(image))
    x = behind()(layers.Add()([make(scaled) for make in branches]))
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def kernels(model):
    return [tuple(layer.kernel_size) for layer in model.layers if isinstance(layer, layers.Conv2D)]


@pytest.mark.parametrize(
    ("branches", "size"),
    [
        ((branch(3), branch((1, 3)), branch((3, 1))), (3, 3)),
        ((branch(3), branch(1), normalized), (3, 3)),
        ((branch((1, 5)), branch((3, 1))), (3, 5)),
        ((branch(3, strides=2), branch(3, strides=2)), (3, 3)),
        ((branch(1), normalized), (1, 1)),
    ],
)
def test_branches_become_one_convolution(tensorflow, branches, size):
    model = network(*branches)
    expected = np.asarray(model(PIXELS))
    assert np.ptp(expected, axis=0).max() > 1e-3
    folded = fold(model)
    assert kernels(folded) == [(1, 1), size] and not any(isinstance(layer, layers.Add) for layer in folded.layers)
    assert np.abs(np.asarray(folded(PIXELS)) - expected).max() < TOLERANCE


@pytest.mark.parametrize(
    "branches",
    [
        (branch(3, strides=2), branch(1, strides=2)),  # TensorFlow pads them by different amounts
        (branch(3), branch(3, dilation_rate=2)),
        (branch(3), branch(2)),  # an even kernel has no middle
        (branch(3), lambda x: x),  # what goes past the convolution has a range of its own
        (branch(3), lambda x: layers.ReLU()(branch(3)(x))),
        (branch(3), branch(3, groups=2)),
    ],
)
def test_what_is_no_branch_stays_a_sum(tensorflow, branches):
    model = network(*branches)
    folded = fold(model)
    assert any(isinstance(layer, layers.Add) for layer in folded.layers)
    assert np.abs(np.asarray(folded(PIXELS)) - np.asarray(model(PIXELS))).max() < TOLERANCE


def test_a_normalization_behind_the_sum_goes_into_the_convolution(tensorflow):
    model = network(branch(3), branch(1), behind=layers.BatchNormalization)
    folded = fold(model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    assert np.abs(np.asarray(folded(PIXELS)) - np.asarray(model(PIXELS))).max() < TOLERANCE
