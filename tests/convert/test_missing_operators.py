"""Activations that converters treat each in a way of its own, in one network: every format gives the same answers."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.converter import Converter
from cnnedge.convert.scheme import plan_of
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ConversionError
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.model.graph.build import build
from cnnedge.model.graph.read import read_graph
from cnnedge.runtime.opening import open_runner
from cnnedge.training.recipes import Recipe


@pytest.fixture(scope="module")
def converted(sample):
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(16, 3, strides=2, activation="swish")(x)
    x = layers.Conv2D(16, 3, strides=2, activation="gelu")(x)
    x = layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.3))(layers.Conv2D(16, 3)(x))
    x = layers.Activation("hard_swish")(layers.Conv2D(16, 1)(x))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(pixels_of(sample.train).astype("float32"), sample.train.labels, batch_size=50, epochs=12, verbose=0)
    converter = Converter(model, sample, Recipe(epochs=1))
    expected = model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    return expected, {scheme.file("net"): converter.convert(scheme) for scheme in plan_of().schemes}


def test_every_file_answers_as_the_model_does(converted, sample):
    expected, files = converted
    assert len(files) == 7
    for file, content in files.items():
        with open_runner(content, format=file.split(".")[1]) as runner:
            found = runner.predict(pixels_of(sample.test))
        # Eight bits flip near ties alone, 1 % of a network as good as this one: of 500 images 5, and up to 10 by chance
        # (two standard deviations of 2.2, and more where threads trained it otherwise).
        assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.98, file


def test_what_has_no_kernel_for_16_bits_stays_in_float_and_is_named(converted):
    _, files = converted

    def floats(file):
        return {op.op for op in open_model_file(files[file], file.split(".")[1]).facts.float_before_last_layer()}

    assert floats("net_int8.tflite") == set()
    assert floats("net_int16x8.tflite") >= {"PRELU", "HARD_SWISH"}
    assert floats("net_int8.onnx") == set()


def test_gelu_by_tanh_is_written_out(tensorflow):
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3))
    x = layers.Conv2D(4, 1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02))(image)
    x = layers.Flatten()(keras.activations.gelu(x, approximate=True))
    folded = fold(build(read_graph(keras.Model(image, layers.Dense(3, activation="softmax")(x)))))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3))
    with open_runner(convert_onnx_float32(convert_tflite(folded, precision="float32")), format="onnx") as runner:
        found = runner.predict(pixels.astype("uint8"))
    assert np.abs(found - np.asarray(folded(pixels.astype("float32")))).max() < 1e-5
    assert np.ptp(found, axis=0).max() > 0.1


def test_hard_tanh_clips_in_both_formats(tensorflow):
    """At the end of a layer, and alone."""
    keras.utils.set_random_seed(0)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3))
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
    image = keras.Input((8, 8, 3))
    normal = keras.initializers.RandomNormal(stddev=0.02)
    x = layers.Conv2D(4, 1, kernel_initializer=normal, activation="hard_tanh")(image)
    assert np.mean(np.abs(np.asarray(keras.Model(image, x)(pixels.astype("float32")))) == 1) > 0.3
    x = layers.Activation("hard_tanh")(3 * layers.MaxPooling2D()(x))
    folded = fold(build(read_graph(keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x))))))
    expected = np.asarray(folded(pixels.astype("float32")))
    tflite = convert_tflite(folded, precision="int8", pixels=pixels.astype("float32"))
    for content, allowed in (
        (convert_onnx_float32(convert_tflite(folded, precision="float32")), 1e-5),
        # Two layers of 8 bits: without the clipping the answers differ by 0.5.
        (convert_onnx_int8(tflite), 0.05),
    ):
        with open_runner(content, format="onnx") as runner:
            assert np.abs(runner.predict(pixels.astype("uint8")) - expected).max() < allowed
    assert np.ptp(expected, axis=0).max() > 0.1


def test_an_operator_that_no_runtime_is_given_is_named_and_what_to_do(tensorflow):
    image = keras.Input((4, 4, 3))
    x = layers.Flatten()(keras.ops.cumsum(image, axis=1))
    folded = fold(build(read_graph(keras.Model(image, layers.Dense(3, activation="softmax")(x)))))
    with pytest.raises(ConversionError, match=r"float32 tflite file .*operator CUMSUM is not one .*take that layer"):
        convert_tflite(folded, precision="float32")
