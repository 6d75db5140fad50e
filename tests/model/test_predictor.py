"""A Keras model scored like any other file."""

import keras
import numpy as np

from cnnedge.data import ArraySplit
from cnnedge.model.predictor import KerasPredictor, answers_called, images_called, images_predicted
from cnnedge.scoring.score import score


def test_it_gets_pixels_0_to_255_and_is_scored():
    """Two classes: bright images, whose mean pixel is above 100, and dark ones."""
    image = keras.Input((2, 2, 1))
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(image, head(keras.layers.GlobalAveragePooling2D()(image)))
    head.set_weights([np.array([[-0.1, 0.1]]), np.array([10.0, -10.0])])
    brightness = np.array([99, 101, 255, 0], np.uint8)
    images = np.tile(brightness[:, None, None, None], (1, 2, 2, 1))
    found = score(KerasPredictor(model), ArraySplit(images, np.array([0, 1, 1, 1], np.int64)))
    assert found.answers.tolist() == [0, 1, 1, 0]
    assert found.top1 == 0.75


def test_a_step_takes_few_large_images_and_many_small_ones():
    """What the largest step takes stays with the process: 8 images of 224 x 224 took twice as much as 4."""
    assert images_predicted((224, 224, 3)) == 4
    assert images_predicted((28, 28, 1)) == 250


class Counted(keras.layers.Layer):
    """Counts how often Python runs it: once for each plain call, and once when a function is traced."""

    runs = 0

    def call(self, image):
        type(self).runs += 1
        return keras.ops.mean(image, axis=(1, 2))


def test_many_calls_with_large_images_are_traced():
    image = keras.Input((256, 256, 1))
    model = keras.Model(image, Counted()(image))
    pictures = np.random.default_rng(0).random((6, 256, 256, 1)).astype("float32")
    Counted.runs = 0
    assert np.allclose(answers_called(model, pictures), pictures.mean(axis=(1, 2)), atol=1e-5)
    assert Counted.runs < 6 and images_called((256, 256, 1)) == 1
    Counted.runs = 0
    answers_called(model, pictures[:1])
    assert Counted.runs == 1
