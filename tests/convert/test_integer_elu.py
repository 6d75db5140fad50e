"""ELUs of int8 files: the very answers of the float operator between codes, in integers."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from cnnedge.convert import to_tflite
from cnnedge.convert.integer_elu import with_integer_elu
from cnnedge.convert.mixed import convert_mixed
from cnnedge.formats.model_file import open_model_file
from cnnedge.runtime.opening import open_runner


@pytest.fixture(scope="module")
def model(tensorflow):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.ELU(name="first")(layers.Conv2D(8, 3)(image))
    both = layers.Add()([x, layers.ELU(name="second")(layers.Conv2D(8, 1)(x))])
    x = layers.Dense(4, name="logits")(layers.GlobalMaxPooling2D()(both))
    return keras.Model(image, layers.Softmax(name="probabilities")(x))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype("uint8")


def answers(content, pixels):
    with open_runner(content, format="tflite") as runner:
        return runner.predict(pixels)


def floats(content):
    return [operator.op for operator in open_model_file(content, "tflite").facts.float_before_last_layer()]


def test_the_answers_are_those_of_the_float_operator(model, pixels, monkeypatch):
    monkeypatch.setattr(to_tflite, "with_integer_elu", lambda content: content)
    before = to_tflite.convert_tflite(model, precision="int8", pixels=pixels)
    after = with_integer_elu(before)
    assert floats(before) == ["ELU", "ELU"] and floats(after) == []
    assert np.array_equal(answers(before, pixels), answers(after, pixels)) and np.ptp(answers(after, pixels)) > 0
    kinds = [operator.op for operator in open_model_file(after, "tflite").facts.operators]
    assert kinds.count("ELU") == 2 and "DEQUANTIZE" not in kinds
    graph = schema.ModelT.InitFromPackedBuf(after).subgraphs[0]
    written = [int(index) for operator in graph.operators for index in operator.outputs]
    assert len(written) == len(set(written))


def test_an_exported_file_has_none_in_float(model, pixels):
    assert floats(to_tflite.convert_tflite(model, precision="int8", pixels=pixels)) == []


def test_one_that_was_named_stays_in_float(model, pixels):
    assert floats(convert_mixed(model, ["second"], pixels=pixels)) == ["ELU"]
    assert floats(convert_mixed(model, [], pixels=pixels)) == []


def test_a_file_without_any_is_left_alone(pixels):
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Dense(4)(layers.Flatten()(layers.Conv2D(2, 3)(image)))
    content = to_tflite.convert_tflite(keras.Model(image, layers.Softmax()(x)), precision="int8", pixels=pixels)
    assert with_integer_elu(content) is content
