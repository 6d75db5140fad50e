"""Rounding as the int8 file rounds, inside a Keras graph: straight through for gradients.

The layers stand on TensorFlow's fake quantization, which the TFLite converter reads as the scales and zero points of
the file. They have three modes: ``ROUND``; ``OBSERVE``, in which they compute in float and note how far values reach;
``FLOAT``.
"""

from typing import Any

import keras
import tensorflow as tf

from cnnedge.convert.qat.grid import BIAS_LEVELS, WEIGHT_LEVELS

ROUND, OBSERVE, FLOAT = "round", "observe", "float"
# How a range moves while the network trains: it follows the batches, goes outwards only, or stays.
FOLLOWS, OUTWARD, FIXED = "follows", "outward", "fixed"
# The running average of a range that follows: 0.99 ** 300 is 0.05, so 300 steps renew it.
RANGE_MOMENTUM = 0.99
SMALLEST = 1e-8


def set_mode(model: keras.Model, mode: str) -> None:
    """Put every rounding layer of ``model`` into ``mode``; a traced function keeps the mode that it was traced in."""
    for layer in model.layers:
        if isinstance(layer, RoundedOutput | RoundedKernel):
            layer.mode = mode


class RoundedOutput(keras.layers.Layer):
    """Rounds a tensor to 8 bits, one scale for all of it, asymmetric.

    The logits go ``OUTWARD``: clipping the largest of two to the same code would cost the answer. The real number 0
    lies inside every range, so that it has an exact code.
    """

    def __init__(self, movement: str = FOLLOWS, ends: tuple[float, float] = (0.0, SMALLEST), **options: Any) -> None:
        super().__init__(**options)
        self.movement, self.ends, self.mode = movement, ends, ROUND

    def build(self, shape: Any) -> None:
        self.low, self.high = (
            self.add_weight(name=name, shape=(), initializer=keras.initializers.Constant(end), trainable=False)
            for name, end in zip(("low", "high"), self.ends, strict=True)
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.mode == OBSERVE and self.movement != FIXED:
            self._widen(inputs)
        if self.mode != ROUND:
            return inputs
        if training and self.movement == OUTWARD:
            self._widen(inputs)
        if training and self.movement == FOLLOWS:
            self._follow(inputs)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, self.low.value, self.high.value, num_bits=8)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> keras.KerasTensor:
        # Keras takes a tensor times a number for sparse, which fake quantization is not made for.
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def _widen(self, inputs: Any) -> None:
        self.low.assign(tf.minimum(self.low.value, tf.reduce_min(inputs)))
        self.high.assign(tf.maximum(self.high.value, tf.reduce_max(inputs)))

    def _follow(self, inputs: Any) -> None:
        reached = tf.minimum(tf.reduce_min(inputs), 0.0), tf.maximum(tf.reduce_max(inputs), SMALLEST)
        for end, value in zip((self.low, self.high), reached, strict=True):
            end.assign(end.value * RANGE_MOMENTUM + value * (1 - RANGE_MOMENTUM))


class RoundedKernel(keras.layers.Wrapper):
    """``layer`` with its kernel rounded to the even numbers of the 8-bit grid, symmetric.

    A scale for each output channel of a convolution, which is the last axis of its kernel, or the last two together
    where it is depthwise; one scale for a dense layer or a transposed convolution, whose kernels the converter
    transposes, which it cannot do with a scale per channel.
    """

    def __init__(self, layer: keras.layers.Layer, **options: Any) -> None:
        super().__init__(layer, name=layer.name, **options)
        self.mode = ROUND
        self.channel_axes = {"Conv2D": 1, "DepthwiseConv2D": 2}.get(type(layer).__name__, 0)

    def build(self, shape: Any) -> None:
        super().build(shape)
        channels = self._flat(self.layer.kernel).shape[-1:] if self.channel_axes else ()
        # Variables, so that the exported file has the limits as constants.
        self.limit = self.add_weight(name="limit", shape=channels, initializer="ones", trainable=False)
        self.reach = self.add_weight(name="reach", shape=(), initializer="zeros", trainable=False)
        self.output_reach = self.add_weight(name="output_reach", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.mode == ROUND:
            rounded = self._rounded(self.largest() if training else self.limit.value)
            # A scope knows nothing of one around it, in which every variable may be a constant.
            values = [(variable, variable.value) for variable in self.layer.variables]
            with keras.StatelessScope(state_mapping=[*values, (self.layer.kernel, rounded)]):
                return self.layer(inputs)
        outputs = self.layer(inputs)
        if self.mode == OBSERVE:
            for reach, values in ((self.reach, inputs), (self.output_reach, outputs)):
                reach.assign(tf.maximum(reach.value, tf.reduce_max(tf.abs(values))))
        return outputs

    def settle(self) -> None:
        """Take the limits from the weights as they are now: what the file gets."""
        self.limit.assign(self.largest())

    def rounded_weights(self) -> list[Any]:
        """The layer's weights as the file gets them."""
        bias = [keras.ops.convert_to_numpy(self.layer.bias)] if self.layer.use_bias else []
        return [keras.ops.convert_to_numpy(self._rounded(self.limit.value)), *bias]

    def largest(self) -> Any:
        """max|w| of each channel, but at least so much that the bias, in steps of input scale times weight scale, fits
        into its 32 bits: a channel that is dead, or nearly so, would else overflow."""
        kernel = self._flat(self.layer.kernel)
        axes = list(range(len(kernel.shape) - 1)) if self.channel_axes else None
        largest = tf.maximum(tf.reduce_max(tf.abs(kernel), axis=axes), SMALLEST * tf.reduce_max(tf.abs(kernel)) + 1e-30)
        if not self.layer.use_bias:
            return tf.stop_gradient(largest)
        bias = tf.abs(tf.convert_to_tensor(self.layer.bias.value))
        bias = bias if self.channel_axes else tf.reduce_max(bias)
        input_scale = tf.maximum(self.reach.value, 1e-30) / 255
        return tf.stop_gradient(tf.maximum(largest, bias * (2 * WEIGHT_LEVELS / BIAS_LEVELS) / input_scale))

    def _rounded(self, limit: Any) -> Any:
        kernel = self._flat(self.layer.kernel)
        step = limit / WEIGHT_LEVELS
        even = tf.round(kernel / step) * step
        straight_through = kernel + tf.stop_gradient(even - kernel)
        # The limit is 126 steps of the 8-bit grid, whose ends are at 127.
        end = limit * (127.0 / 126.0)
        fake_quant = tf.quantization.fake_quant_with_min_max_vars
        if self.channel_axes:
            fake_quant = tf.quantization.fake_quant_with_min_max_vars_per_channel
        rounded = fake_quant(straight_through, -end, end, num_bits=8, narrow_range=True)
        return tf.reshape(rounded, self.layer.kernel.shape)

    def _flat(self, kernel: Any) -> Any:
        """The kernel with its channel axes made one."""
        values = tf.convert_to_tensor(kernel.value)
        return tf.reshape(values, (*kernel.shape[:-2], -1)) if self.channel_axes == 2 else values
