"""The RGB twin of a grey network answers grey pictures as the network itself does, and sees coloured ones as grey."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge import data as datasets
from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ModelError, UsageError
from cnnedge.formats.tflite.reader import read_tflite
from cnnedge.model.fold import fold
from cnnedge.model.rgb_input import with_rgb_input
from cnnedge.runtime.opening import open_runner

# A third of a float32 weight is rounded by up to 2**-24 of it, and three of them are added to the same sum: as for
# folding (test_fold), errors of a few hundred products and four layers stay below 1e-5 on probabilities.
TOLERANCE = 1e-5


def answers(model, images):
    return np.asarray(model(images.astype("float32"), training=False))


def as_rgb(images):
    return np.repeat(images, 3, axis=3)


def test_grey_pictures_have_the_same_answers(digits_model, sample):
    twin = with_rgb_input(digits_model)
    assert twin.input_shape == (None, 28, 28, 3)
    images = pixels_of(sample.test)
    assert np.abs(answers(twin, as_rgb(images)) - answers(digits_model, images)).max() < TOLERANCE


def test_coloured_pictures_are_seen_as_the_mean_of_their_channels(digits_model, sample):
    images = as_rgb(pixels_of(sample.test)).astype("float32")
    coloured = images * np.array([0.5, 1.0, 1.5], "float32")
    assert np.abs(answers(with_rgb_input(digits_model), coloured) - answers(digits_model, images[..., :1])).max() < (
        TOLERANCE
    )


def test_no_operator_and_no_layer_is_added(digits_model):
    kinds = [
        [type(layer).__name__ for layer in model.layers] for model in (with_rgb_input(digits_model), fold(digits_model))
    ]
    assert kinds[0] == kinds[1]


def first_kernel(content: bytes) -> np.ndarray:
    """The integers of the last stored convolution kernel, which is the network's first: (out, height, width, in)."""
    model = read_tflite(content)
    kernel = [tensor for tensor in model.subgraphs[0].tensors if tensor.dtype == "int8" and len(tensor.shape) == 4]
    stored = next(
        tensor for tensor in reversed(kernel) if model.buffers[tensor.buffer][1] and tensor.shape[3] in (1, 3)
    )
    start, length = model.buffers[stored.buffer]
    return np.frombuffer(content, np.int8, length, start).reshape(stored.shape)


def test_int8_files_hold_the_same_integers(digits_model, sample):
    """A third of the kernel has a third of the scale, per output channel.

    Activation scales differ in the last bits of a float, which moves a sum across a rounding boundary now and then:
    as many answers as between two CPUs may differ, half a percent.
    """
    pixels = calibration_pixels(pixels_of(sample.calibration))
    grey = convert_tflite(fold(digits_model), precision="int8", pixels=pixels)
    rgb = convert_tflite(fold(with_rgb_input(digits_model)), precision="int8", pixels=as_rgb(pixels))
    assert (first_kernel(rgb) == as_rgb(first_kernel(grey))).all()
    images = pixels_of(sample.test)
    with open_runner(grey, format="tflite") as one, open_runner(rgb, format="tflite") as three:
        assert three.input_shape == (28, 28, 3)
        same = three.predict(as_rgb(images)).argmax(1) == one.predict(images).argmax(1)
    assert same.mean() >= 0.995


def test_a_network_that_takes_rgb_already(residual_model):
    with pytest.raises(UsageError, match="takes 3 channels already: leave --rgb-input out"):
        with_rgb_input(residual_model)


def test_a_first_layer_that_the_mean_does_not_fold_into():
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.MaxPooling2D()(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    with pytest.raises(ModelError, match=r"\(MaxPooling2D\) takes the image, expected Conv2D"):
        with_rgb_input(model)


def test_a_grey_dataset_is_given_as_rgb():
    grey, rgb = (datasets.load("mnist", image_shape=shape) for shape in (None, (28, 28, 3)))
    assert rgb.image_shape == (28, 28, 3)
    for part in ("train", "validation", "calibration", "test"):
        images = pixels_of(getattr(rgb, part), 20)
        assert (images == pixels_of(getattr(grey, part), 20)).all() and images.dtype == np.uint8
