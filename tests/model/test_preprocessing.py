"""What the options say of the preprocessing outside the network."""

import keras
import numpy as np
import pytest

from cnnedge.errors import UsageError
from cnnedge.model.preprocessing import NAMED, Preprocessing, declared


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_named_forms_are_those_of_keras(mode, pixels):
    images = pixels.astype("float32")
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    # Keras subtracts from float32 numbers up to 255: steps of 2**-17 and two roundings.
    assert np.abs(NAMED[mode](images) - expected).max() < 3e-5


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, None),
        ({"scale": 255}, Preprocessing(std=(255.0,))),
        ({"scale": 0.5}, Preprocessing(std=(2.0,))),
        ({"mean": "127.5", "std": "127.5"}, NAMED["tf"]),
        ({"mean": "1,2,3"}, Preprocessing(mean=(1.0, 2.0, 3.0))),
        ({"named": "caffe"}, NAMED["caffe"]),
    ],
)
def test_options(options, expected):
    assert declared(**options) == expected


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"scale": 255, "named": "tf"}, "--scale and --preprocessing each say all"),
        ({"scale": 255, "mean": "3"}, "--scale and --mean and --std each say all"),
        ({"named": "keras"}, r"unknown --preprocessing 'keras': expected one of 0\.\.1, tf, torch, caffe, bgr"),
        ({"scale": -1}, "expected a positive number"),
        ({"mean": "a"}, "--mean is 'a', expected one number or three"),
        ({"std": "0"}, "no std of 0"),
        ({"std": "1,2"}, "one for each of 3 channels"),
    ],
)
def test_options_that_cannot_be(options, complaint):
    with pytest.raises(UsageError, match=complaint):
        declared(**options)
