"""The mean of what has been centred before."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from cnnedge.convert.calibration import spanning
from cnnedge.convert.integer_forms import integer_forms
from cnnedge.convert.mean_scales import with_fair_means
from cnnedge.convert.mixed import convert_mixed
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.formats.tflite.writer import is_one_of
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner

IMAGES = np.random.default_rng(5).integers(0, 256, (24, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="module")
def network(tensorflow):
    """As a ConvNeXt begins: behind one layer normalization another, whose mean is 0 but for float32's rounding."""
    keras.utils.set_random_seed(6)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 4, strides=4)(layers.Rescaling(1 / 255)(image))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.LayerNormalization(epsilon=1e-6)(x))
    x = layers.Dense(4, kernel_initializer="he_normal")(layers.GlobalAveragePooling2D()(x))
    return integer_forms(fold(keras.Model(image, layers.Softmax()(x))))


def ratios(content: bytes) -> list[float]:
    """Of every mean: its step, in steps of its input over the number of values."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors, found = model.subgraphs[0].tensors, []
    for operator in model.subgraphs[0].operators:
        if is_one_of(model, operator, "MEAN"):
            taken, given = (tensors[ends[0]] for ends in (operator.inputs, operator.outputs))
            steps = [tensor.quantization.scale[0] for tensor in (taken, given)]
            found.append(steps[1] / steps[0] * np.prod(taken.shape) / np.prod(given.shape))
    return found


@pytest.mark.parametrize("precision", ["int8", "int16x8", "int8_mixed"])
def test_has_a_step_that_a_mean_can_make(precision, network):
    pixels = spanning(IMAGES.astype("float32"))
    if precision == "int8_mixed":
        content = convert_mixed(network, [], pixels=pixels)
    else:
        content = convert_tflite(network, precision=precision, pixels=pixels)
    found = ratios(content)
    assert len(found) == 5 and min(found) == pytest.approx(1)
    assert with_fair_means(content) == content
    with open_runner(content, format="tflite") as runner:
        answers = runner.predict(IMAGES)
    # Steps of 8 bits are wider than the differences of most of these pictures: what counts is that nothing is lost.
    assert np.abs(answers - np.asarray(network(IMAGES.astype("float32")))).max() < 0.05
