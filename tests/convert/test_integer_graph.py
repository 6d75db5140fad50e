"""Integer graphs of networks with quantized constants that are no weights: they answer as the TFLite file does."""

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import numpy_helper

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner


def trained(outputs, image, sample):
    model = keras.Model(image, outputs)
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    images = pixels_of(sample.train).astype("float32")
    model.fit(images, sample.train.labels, batch_size=50, epochs=12, verbose=0)
    return model


@pytest.fixture(scope="module")
def many_constants(sample):
    """Normalizations where they cannot be folded: of the padded image, behind a sum of branches, a pooling, a ReLU."""
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    branch = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.Concatenate()([x, branch])
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.AveragePooling2D(2)(x))
    x = layers.Dense(256, activation="relu")(layers.Flatten()(x))
    return trained(layers.Dense(10, activation="softmax")(x), image, sample)


@pytest.fixture(scope="module")
def flat_map(sample):
    """A dense layer on a map of 1 x 1, whose Flatten the converter drops."""
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(16, 5, strides=4, activation="relu")(x)
    x = layers.Flatten()(layers.GlobalMaxPooling2D(keepdims=True)(x))
    head = layers.Dense(10, activation="softmax", bias_initializer=keras.initializers.RandomUniform(-3, 3))
    return trained(head(x), image, sample)


def answers(content, format, sample):
    with open_runner(content, format=format) as runner:
        return runner.predict(pixels_of(sample.test))


@pytest.mark.parametrize("which", ["many_constants", "flat_map"])
def test_float_files_are_the_same_function(which, sample, request):
    model = request.getfixturevalue(which)
    expected = model.predict(pixels_of(sample.test).astype("float32"), verbose=0)
    float32 = convert_onnx_float32(convert_tflite(fold(model), precision="float32"))
    # Other orders of summation in float32.
    assert np.abs(answers(float32, "onnx", sample) - expected).max() < 1e-5


def test_integer_files_agree(many_constants, sample):
    folded, pixels = fold(many_constants), calibration_pixels(pixels_of(sample.calibration))
    int8 = convert_tflite(folded, precision="int8", pixels=pixels)
    ours, theirs = answers(convert_onnx_int8(int8), "onnx", sample), answers(int8, "tflite", sample)
    # The same scales; the weights lose their eighth bit.
    assert np.mean(ours.argmax(1) == theirs.argmax(1)) >= 0.99


def largest_codes(content):
    """Of the weights of every layer."""
    found = [numpy_helper.to_array(item) for item in onnx.load_from_string(content).graph.initializer]
    return {int(np.abs(codes.astype(int)).max()) for codes in found if codes.dtype == np.int8 and codes.ndim > 1}


def test_only_weights_are_narrowed(many_constants, sample):
    folded, pixels = fold(many_constants), calibration_pixels(pixels_of(sample.calibration))
    int8 = convert_tflite(folded, precision="int8", pixels=pixels)
    assert largest_codes(convert_onnx_int8(int8, weight_bits=8)) == {127}
    graph = onnx.load_from_string(convert_onnx_int8(int8)).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    taken = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    weights = {node.input[1] for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
    assert len(weights) == 4
    for name, codes in taken.items():
        if codes in constants and constants[codes].dtype != np.int32:
            narrow = constants[codes].dtype == np.int8 and np.abs(constants[codes]).max() == 63
            assert narrow == (name in weights), f"{name}: {constants[codes].dtype} {constants[codes].shape}"
    assert any(constants[codes].dtype == np.uint8 for codes in taken.values() if codes in constants)
