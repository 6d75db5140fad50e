"""Small real models for the rooms that know TensorFlow: trained or built once, on the MNIST sample in the package."""

import numpy as np
import pytest

from cnnedge.data import ArraySplit, Dataset, pixels_of
from cnnedge.data.holding_out import hold_out
from cnnedge.model.backend import require_tensorflow
from tests.support.digits import DIGITS, digits


@pytest.fixture(scope="session")
def tensorflow():
    require_tensorflow()


@pytest.fixture(scope="session")
def sample(tensorflow) -> Dataset:
    """1,000 training and 500 test digits, whatever the network reaches."""
    training, test = (ArraySplit(*digits(part)) for part in ("train", "test"))
    parts = hold_out(training, [test], seed=0, validation=100, calibration=100)
    return Dataset("mnist", DIGITS, *parts, test, "bundled sample", True, "CC BY-SA 3.0", 0)


@pytest.fixture(scope="session")
def digits_model(sample):
    """The smallest MNIST network after 12 epochs on the sample; tests ask for more than 90 % of the test digits."""
    import keras

    from cnnedge.model.networks import build_model

    keras.utils.set_random_seed(0)
    model = build_model("mnist-tiny", seed=0)
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=True)
    model.fit(pixels_of(sample.train).astype("float32"), sample.train.labels, batch_size=50, epochs=12, verbose=0)
    return model


@pytest.fixture(scope="session")
def residual_model(tensorflow):
    """What a person might bring: a sum of two branches, average pooling, a hidden dense layer with its own ReLU."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    skip = layers.ReLU()(x)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(skip)
    x = layers.BatchNormalization()(x)
    x = layers.Add()([x, skip])
    x = layers.Activation("relu")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.ReLU()(layers.Dense(16)(x))
    model = keras.Model(image, layers.Dense(4, activation="softmax")(x))
    # Statistics and scales as after a training, not the neutral ones of a fresh layer.
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """64 colour images of noise, uint8 (64, 16, 16, 3)."""
    return np.random.default_rng(2).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
