"""The network as it is trained computes what the plain one does, by quicker arithmetic."""

from pathlib import Path

import keras
import numpy as np
import pytest

from cnnedge.errors import UsageError
from cnnedge.model.networks import build_model
from cnnedge.training import checkpoint
from cnnedge.training.fit import compiled, train
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.learner import FusedBatchNormalization, answering, learner_of
from cnnedge.training.recipes import Recipe

TEACHER = SavedNetwork.of(Path(__file__).parents[2] / "exported/mnist/mnist.keras")
PIXELS = np.random.default_rng(2).integers(0, 256, (32, 28, 28, 1)).astype("float32")
TRUTH = np.eye(10, dtype="float32")[np.arange(32) % 10]


def gradients(network):
    """Of the loss of one batch, in the order of the weights, and the statistics that the step leaves."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(TRUTH, network(PIXELS, training=True)))
    found = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    return [np.asarray(one) for one in found], [np.asarray(weight) for weight in network.non_trainable_weights]


def test_a_step_of_the_learner_is_a_step_of_the_network(tensorflow):
    network = build_model("mnist-tiny", seed=3)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    learner = learner_of(network, half=False)
    assert sum(isinstance(layer, FusedBatchNormalization) for layer in learner.layers) == 5
    (expected, statistics), (found, fused_statistics) = gradients(network), gradients(learner)
    for one, other in zip(expected, found, strict=True):
        # Sums of at most 32 x 28 x 28 products in other orders: sqrt(25,088) roundings of 2**-24 are 1e-5 of the whole.
        assert np.abs(one - other).max() <= 1e-4 * np.abs(one).max() + 1e-7
    for one, other in zip(statistics, fused_statistics, strict=True):
        # The sample's variance is n / (n - 1) times Keras's, n at least 32 x 7 x 7.
        assert other == pytest.approx(one, rel=1 / (32 * 7 * 7 - 1), abs=1e-5)


def test_half_is_bfloat16_between_float32_weights_and_a_float32_answer():
    network = build_model("mnist-tiny", seed=3)
    network(PIXELS, training=True)
    learner = learner_of(network, half=True)
    assert {weight.dtype for weight in learner.weights} == {"float32"}
    assert [layer.compute_dtype for layer in learner.layers[-2:]] == ["bfloat16", "float32"]
    off = np.abs(np.asarray(learner(PIXELS, training=False)) - np.asarray(network(PIXELS, training=False))).max()
    # bfloat16 rounds by 2**-9; ten layers one after the other, of which each may add as much to what the next one sees.
    assert 2**-16 < off < 10 * 2**-9


def test_a_teacher_answers_in_half_where_its_pupil_learns_in_it():
    network = build_model("mnist-tiny", seed=3)
    network(PIXELS, training=True)
    teachers = [answering(network, half=half) for half in (False, True)]
    for teacher in teachers:
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in teacher.layers)
    expected = np.asarray(network(PIXELS, training=False))
    whole, half = (np.abs(np.asarray(teacher(PIXELS, training=False)) - expected).max() for teacher in teachers)
    # As above: ten roundings of 2**-9; and of 2**-24, each of sums of at most 144 products.
    assert whole < 10 * 144 * 2**-24 and 2**-16 < half < 10 * 2**-9


def test_a_taught_training_may_change_its_arithmetic(tmp_path):
    """The teacher is part of the checkpoint: it must be made of the same weights in both."""

    def taught(half: bool) -> keras.Model:
        job = TrainingJob("mnist-tiny", Recipe(epochs=2, half=half), teacher=TEACHER)
        return compiled(learner_of(build_model("mnist-tiny", seed=int(half)), half=half), job, steps=10)

    begun, going_on = taught(half=True), taught(half=False)  # the second sees no image before its checkpoint, as in fit
    begun.train_on_batch(PIXELS, TRUTH)
    arithmetic = [{one.compute_dtype for one in each.teacher.layers if one.weights} for each in (begun, going_on)]
    assert arithmetic == [{"bfloat16"}, {"float32"}]
    checkpoint.save(tmp_path, begun)
    (tmp_path / checkpoint.HISTORY).write_text("epoch,loss\n0,1.0\n")
    assert checkpoint.restore(tmp_path, going_on, 1) == 1
    for one, other in zip(begun.get_weights(), going_on.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("teacher", [None, TEACHER], ids=["alone", "taught"])
def test_a_training_in_half_ends_in_the_float32_network(teacher, sample, tmp_path):
    network = train(TrainingJob("mnist-tiny", Recipe(epochs=1, half=True), teacher=teacher), sample, folder=tmp_path)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert {type(layer) for layer in network.layers} == {type(layer) for layer in build_model("mnist-tiny").layers}
    assert np.isfinite(np.asarray(network(PIXELS))).all()


def test_half_is_for_a_fresh_network(tmp_path):
    saved = SavedNetwork(tmp_path / "mine.keras", "0" * 64)
    with pytest.raises(UsageError, match=r"--init .*mine.keras brings a network with its own .* leave --half out"):
        TrainingJob("mnist", Recipe(epochs=1, half=True), init=saved)
