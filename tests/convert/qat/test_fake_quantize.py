"""Rounding in the graph beside that of TensorFlow Model Optimization, whose quantizers know Keras 2 alone."""

import numpy as np
import pytest
import tensorflow as tf

from cnnedge.convert.qat.fake_quantize import OBSERVE, OUTWARD, ROUND, RoundedOutput


@pytest.fixture(scope="module")
def reference():
    """TFMOT's quantizer of activations whose range takes in every value seen, on a layer of Keras 2."""
    import tf_keras
    from tensorflow_model_optimization.quantization.keras import quantizers

    quantizer = quantizers.AllValuesQuantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
    weights = quantizer.build(tf.TensorShape([None, 5]), "seen", tf_keras.layers.Layer())
    return lambda values, training: quantizer(tf.constant(values), training, weights).numpy()


def test_values_are_rounded_as_tfmot_rounds_them(reference):
    seen = np.random.default_rng(0).normal(1, 3, (64, 5)).astype("float32")
    other = np.random.default_rng(1).normal(1, 3, (64, 5)).astype("float32")
    layer = RoundedOutput(OUTWARD)
    layer.build(seen.shape)
    layer.mode = OBSERVE
    assert np.array_equal(layer(seen), seen)
    layer.mode = ROUND
    expected = reference(seen, True)
    assert np.abs(expected - seen).max() > 0.01  # 256 steps over some 16 are 0.06 each
    assert np.array_equal(layer(seen), expected)
    assert np.array_equal(layer(other), reference(other, False))
