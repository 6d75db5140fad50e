"""A convolution with a group for every channel becomes a depthwise one, and only where that is the same function."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.model.fold import fold

PIXELS = np.random.default_rng(6).integers(0, 256, (8, 12, 12, 3)).astype("float32")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"filters": 6, "groups": 6, "padding": "same"}, "DepthwiseConv2D"),
        ({"filters": 12, "groups": 6, "strides": 2, "activation": "relu"}, "DepthwiseConv2D"),
        ({"filters": 12, "groups": 6, "dilation_rate": 2, "use_bias": False}, "DepthwiseConv2D"),
        ({"filters": 6, "groups": 6, "strides": (1, 2)}, "Conv2D"),
        ({"filters": 6, "groups": 3}, "Conv2D"),
        ({"filters": 6}, "Conv2D"),
    ],
)
def test_it_is_the_same_function(tensorflow, options, kind):
    keras.utils.set_random_seed(4)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 1)(layers.Rescaling(1 / 255)(image))
    x = layers.Conv2D(kernel_size=3, bias_initializer="normal", name="middle", **options)(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x)))
    folded = fold(model)
    assert type(folded.get_layer("middle")).__name__ == kind
    expected, found = (each.predict(PIXELS, verbose=0) for each in (model, folded))
    assert np.abs(found - expected).max() < 1e-5  # sums in another order
