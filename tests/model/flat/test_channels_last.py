"""Networks with channels first are read with channels last, and every file of them is right."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.errors import CnnedgeError, ModelError
from cnnedge.model.flat import channels_last
from cnnedge.model.fold import fold
from cnnedge.model.predictor import answers_called
from cnnedge.model.source import read_source
from cnnedge.runtime.opening import open_runner

PIXELS = spanning(np.random.default_rng(3).integers(0, 256, (16, 12, 12, 3)).astype("float32"))


def network(first):
    """The same function of the same weights, whichever way its channels lie."""
    order = {"data_format": "channels_first" if first else "channels_last"}
    axis, places = (1, [2, 3]) if first else (3, [1, 2])
    image = keras.Input((12, 12, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Permute((3, 1, 2))(x) if first else x
    x = layers.ZeroPadding2D(((0, 1), (2, 0)), **order)(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, **order)(x)
    x = kept = layers.PReLU(shared_axes=places)(layers.BatchNormalization(axis=axis)(x))
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu", **order)(x)
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(**order)(x))
    x = layers.Multiply()([x, layers.Reshape((8, 1, 1) if first else (1, 1, 8))(gate)])
    x = layers.Concatenate(axis=axis)([kept, layers.LayerNormalization(axis=axis)(x)]) * 2.0
    x = layers.Conv2DTranspose(6, 3, strides=2, **order)(x)
    x = layers.MaxPooling2D(3, **order)(layers.ReLU(6.0)(x))
    return keras.Model(image, layers.Dense(4, activation="softmax")(layers.Flatten(**order)(x)))


@pytest.fixture(scope="module")
def read(tensorflow, tmp_path_factory):
    """What is read of the one with channels first, and the answers of the one with channels last."""
    keras.utils.set_random_seed(8)
    model, other = network(first=True), network(first=False)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.2, 1, w.shape) if w.ndim in (1, 3) else 2 * w for w in model.get_weights()]
    model.set_weights(weights)
    other.set_weights([weight.reshape(variable.shape) for weight, variable in zip(weights, other.weights, strict=True)])
    path = tmp_path_factory.mktemp("first") / "first.keras"
    model.save(path)
    return read_source(path), answers_called(other, PIXELS)


def test_it_is_the_network_with_channels_last(read):
    source, expected = read
    kinds = [type(layer).__name__ for layer in source.model.layers]
    assert not any(channels_last.is_channels_first(layer) for layer in source.model.layers)
    assert kinds.count("Permute") == 1  # of the (8, 1, 1) that a Reshape makes
    assert np.ptp(expected, axis=0).max() > 0.05
    for answers in (source.reference(PIXELS), answers_called(source.model, PIXELS)):
        assert np.abs(answers - expected).max() < 1e-5  # sums in another order


def test_batch_normalization_is_folded_and_every_file_is_integer(read):
    source, expected = read
    folded = fold(source.model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    int8, int16x8 = (convert_tflite(folded, precision=precision, pixels=PIXELS) for precision in ("int8", "int16x8"))
    for format, content, allowed in (
        ("tflite", int8, 0.03), ("onnx", convert_onnx_int8(int8), 0.03), ("tflite", int16x8, 0.005),
    ):  # fmt: skip
        with open_runner(content, format=format) as runner:
            found = runner.predict(PIXELS.astype("uint8"))
        assert np.abs(found - expected).mean() < allowed  # all have weights of 8 bits: a step of 1/255 in twelve layers


@pytest.mark.parametrize("shared", [None, [1], [3], [1, 2]])
def test_slopes_are_turned(tensorflow, tmp_path, shared):
    image = keras.Input((6, 5, 3))
    slopes = layers.PReLU(shared_axes=shared, alpha_initializer="random_normal")
    x = layers.Permute((3, 1, 2))(layers.Rescaling(1 / 127.5, -1)(image))
    x = layers.MaxPooling2D(2, data_format="channels_first")(slopes(layers.Rescaling(-1.0)(x)))
    keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x))).save(tmp_path / "slopes.keras")
    turned = read_source(tmp_path / "slopes.keras").model.get_layer(slopes.name)  # it is proved equal there
    assert np.array_equal(turned.alpha, np.transpose(slopes.alpha, (1, 2, 0)))


def test_a_model_that_takes_channels_first_is_told_a_way_that_works(tensorflow, tmp_path):
    image = keras.Input((3, 6, 5))
    x = layers.Flatten()(layers.Conv2D(2, 3, data_format="channels_first")(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    model.save(tmp_path / "first.keras")
    with pytest.raises(ModelError, match="with channels first, expected") as refused:
        read_source(tmp_path / "first.keras")
    advised = str(refused.value).partition("save ")[2].removesuffix(" in its place")
    assert advised == "keras.Sequential([keras.Input((6, 5, 3)), keras.layers.Permute((3, 1, 2)), model])"
    keras.Sequential([keras.Input((6, 5, 3)), layers.Permute((3, 1, 2)), model]).save(tmp_path / "last.keras")
    read = read_source(tmp_path / "last.keras")  # it is proved equal there
    assert read.model.input_shape == (None, 6, 5, 3)


def test_what_neither_kernels_nor_xla_can_run_is_told_in_one_line(tensorflow, monkeypatch):
    image = keras.Input((3, 6, 6))
    model = keras.Model(image, layers.Flatten()(layers.Conv2D(2, 3, data_format="channels_first")(image)))

    def missing(*_):
        import tensorflow as tf

        raise tf.errors.UnimplementedError(None, None, "no kernel")

    monkeypatch.setattr(model, "predict_on_batch", missing)
    with pytest.raises(CnnedgeError, match="set TF_ENABLE_ONEDNN_OPTS=1 in the environment"):
        answers_called(model, PIXELS)
