"""SavedModel folders: the network rebuilt from a program's operators."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf import saved_model_pb2

from cnnedge.errors import ModelError
from cnnedge.model.readers.opening import load_file
from cnnedge.model.readers.program import _check_declared
from cnnedge.model.source import read_source

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3)).astype("float32")


def network():
    """The layers of mobile networks, each with an operator or a way of using one of its own."""
    keras.utils.set_random_seed(1)
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(layers.Rescaling(1 / 127.5, -1)(image))
    short = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, use_bias=False)(layers.ZeroPadding2D(1)(short))
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    x = layers.Concatenate()([layers.Add()([short, layers.Conv2D(8, 1, groups=2)(x)]), short])
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same")(layers.Cropping2D(((1, 0), (0, 2)))(x))
    x = layers.Dense(8, activation="relu")(x)
    x = layers.AveragePooling2D(2)(layers.UpSampling2D(2, interpolation="bilinear")(x))
    x = layers.SeparableConv2D(12, 3, activation="gelu")(layers.LeakyReLU(0.1)(x))
    gate = layers.Dense(12, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Flatten()(layers.MaxPooling2D(2)(layers.Multiply()([x, gate])))
    model = keras.Model(image, layers.Dense(4)(layers.Dropout(0.3)(layers.Dense(9, activation="elu")(x))))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([np.random.default_rng(2).uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return model


def test_an_exported_model_comes_back_as_layers_with_its_answers(tmp_path):
    model = network()
    model.export(tmp_path / "theirs", verbose=False)
    read = read_source(tmp_path / "theirs")
    expected = np.asarray(keras.ops.softmax(model(PIXELS, training=False)))
    # Sums of other layers in another order: a few units of float32's last place a layer.
    assert np.abs(np.asarray(read.model(PIXELS, training=False)) - expected).max() < 1e-4
    assert read.changed and "a SavedModel" in read.notes[0]
    assert "4 numbers without activation, taken for logits" in read.notes[1]
    kinds = {type(layer).__name__ for layer in read.model.layers}
    assert {"Conv2D", "DepthwiseConv2D", "Dense", "Concatenate", "MaxPooling2D", "LeakyReLU"} <= kinds
    activations = {getattr(layer, "activation", None) for layer in read.model.layers}
    assert keras.activations.gelu in activations


def test_augmentation_that_was_exported_at_work_is_refused(tmp_path):
    image = keras.Input((24, 24, 3))
    flat = layers.Flatten()(layers.RandomFlip()(image))
    keras.Model(image, layers.Dense(2, activation="softmax")(flat)).export(tmp_path / "random", verbose=False)
    with pytest.raises(ModelError, match=r"random answers \(random_flip\w*\): it was exported with its augmentation"):
        load_file(tmp_path / "random")


def test_a_program_for_any_size_is_read_for_the_one_that_is_said(tmp_path):
    """And names that end in the numbers that others get are no matter."""
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, name="conv_1")(layers.Conv2D(4, 3, name="conv")(image))
    inner = keras.Sequential([keras.Input((None, None, 4)), layers.Conv2D(4, 1, name="conv")], name="inner")
    x = layers.GlobalAveragePooling2D()(inner(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    model.export(tmp_path / "free", verbose=False)
    read = read_source(tmp_path / "free", input_size=24)
    assert read.model.input_shape == (None, 24, 24, 3)
    assert np.abs(np.asarray(read.model(PIXELS)) - np.asarray(model(PIXELS))).max() < 1e-5


def reaching(image):
    tf.io.write_file("never_written", "x")
    return image


def of_any_size(image):
    return tf.reduce_mean(image, (1, 2))


def foreign(image):
    return tf.reduce_mean(tf.cumsum(image), (1, 2))


@pytest.mark.parametrize(
    "calculate, side, complaint",
    [
        (reaching, 24, "has the operator WriteFile, which reaches outside the network"),
        (of_any_size, None, r"takes images \(None, None, 3\), expected .*: --input-size N says which"),
        (foreign, 24, r"has the operator Cumsum .*for which no layer stands here"),
    ],
)
def test_programs_that_are_no_such_network(calculate, side, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tf.Module()
    signature = [tf.TensorSpec((None, side, side, 3), tf.float32)]
    program.serve = tf.function(lambda image: {"out": calculate(image)}, input_signature=signature)
    tf.saved_model.save(program, tmp_path / "program", signatures=program.serve)
    with pytest.raises(ModelError, match=complaint):
        load_file(tmp_path / "program")
    assert not (tmp_path / "never_written").exists()


def test_a_constant_of_a_hundred_gigabytes(tmp_path):
    class Splat(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32)])
        def answers(self, image):
            return tf.reduce_mean(image, (1, 2)) + tf.raw_ops.Sum(input=tf.constant(1.0, shape=(5, 5)), axis=[0, 1])

    module = Splat()
    tf.saved_model.save(module, str(tmp_path / "splat"), signatures=module.answers)
    program = saved_model_pb2.SavedModel()
    program.ParseFromString((tmp_path / "splat" / "saved_model.pb").read_bytes())
    for function in program.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            tensor = node.attr["value"].tensor
            if node.op == "Const" and [side.size for side in tensor.tensor_shape.dim] == [5, 5]:
                for side in tensor.tensor_shape.dim:
                    side.size = 160_000
    (tmp_path / "splat" / "saved_model.pb").write_bytes(program.SerializeToString())
    with pytest.raises(ModelError, match=r"has the constant '.*', which needs 102,399,\d+,\d+ bytes of memory"):
        load_file(tmp_path / "splat")


def test_variables_that_are_declared_and_not_stored(tmp_path):
    network().export(tmp_path / "theirs", verbose=False)
    (stored,) = (tmp_path / "theirs" / "variables").glob("variables.data-*")
    stored.write_bytes(stored.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"declares variables of [\d,]+ bytes and stores [\d,]+"):
        load_file(tmp_path / "theirs")


def test_what_a_large_program_declares_is_seen_at_once(tmp_path):
    """Its size was asked for again for each operator: 40 s of the processor for a MobileNetV2's 6,600."""
    program = saved_model_pb2.SavedModel()
    graph = program.meta_graphs.add().graph_def
    for number in range(6000):
        graph.node.add(name=f"{'a_long_scope/' * 20}{number}", op="Identity")
    (tmp_path / "saved_model.pb").write_bytes(program.SerializeToString())
    begun = time.process_time()
    _check_declared(tmp_path)
    assert time.process_time() - begun < 2
