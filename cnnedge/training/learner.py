"""The network as it is trained: the same layers and weights, with quicker arithmetic where the backend has it.

Keras's batch normalization is many passes over memory on the TensorFlow backend; TensorFlow's own is one kernel forward
and one backward. In bfloat16, convolutions run in the matrix units (AMX) that some CPUs have, or multiply pairs at once
(AVX-512 BF16). Measured by ``scripts/training_speed.py``, see exported/TRAINING.md.
"""

import keras

from cnnedge.model.fold.walk import fold


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's own layer for channels-last images, computed while it trains by TensorFlow's one kernel.

    The mean and the variance are taken in float32 whatever the images are. The running variance is the sample's
    n / (n - 1) times Keras's, 1.0001 for a batch of 128 images of 8 x 8.
    """

    def call(self, inputs, training=None, mask=None):
        """``(batch, height, width, channels)`` float32 or bfloat16, normalized; see keras.layers.BatchNormalization."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for running, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + found * (1 - self.momentum))
        return outputs


def learner_of(network: keras.Model, *, half: bool) -> keras.Model:
    """A copy of ``network``, a stack or graph of plain layers, with its weights in the same order.

    Args:
        network: float32. half: compute in bfloat16 all but what the last layer gives; weights stay float32.
    """
    head = network.layers[-1]
    learner = keras.models.clone_model(
        network, clone_function=lambda layer: _quicker(layer, half=half and layer is not head)
    )
    learner.set_weights(network.get_weights())
    return learner


def answering(network: keras.Model, *, half: bool) -> keras.Model:
    """A network to learn from that answers as ``network`` does, with its batch normalization folded away.

    It is folded in float32 too: the teacher's weights are part of a checkpoint, and a training may change its
    arithmetic on its way.

    Args:
        network: float32, any classifier. half: compute in bfloat16.

    Raises:
        ModelError: it gives no probabilities, see ``checks.check_classifier``.
    """
    return learner_of(fold(network), half=half)


def _quicker(layer: keras.layers.Layer, *, half: bool) -> keras.layers.Layer:
    config = layer.get_config()
    if half:
        config["dtype"] = "mixed_bfloat16"
    return (FusedBatchNormalization if _can_be_fused(layer) else type(layer)).from_config(config)


def _can_be_fused(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization
        and keras.backend.backend() == "tensorflow"
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and layer.scale
        and layer.center
        and not layer.synchronized
    )
