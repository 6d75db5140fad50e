"""Fake quantization of one layer, in TFMOT's terms: which of its tensors are rounded, and onto which grid.

Part of the QAT room; ``qat`` says why the grids are these.
"""

from collections.abc import Mapping
from typing import Any

# The weight grid: integers -63..63 times a scale of max|w| / 63, which is 2 x max|w| / 126.
WEIGHT_LEVELS = 63
# The running average of an activation's range: 0.99 ** 300 is 0.05, so 300 steps renew it.
RANGE_MOMENTUM = 0.99
WEIGHTED = ("Conv2D", "Dense")
# Layers whose output is a new range; the others pass their input's range on.
RANGED = ("AveragePooling2D", "GlobalAveragePooling2D", "Add", "ReLU")


def fake_quantized(layer: Any, kind: str, ranges: Mapping[str, tuple[float, float]], *, feeds_relu: bool) -> Any:
    """The tf_keras ``layer`` of class ``kind`` in TFMOT's wrapper.

    Args:
        ranges: (lowest, highest) output of layers by name, to start from; a layer without one starts at -6..6.
        feeds_relu: a ReLU of its own follows; its result alone is rounded.
    """
    from tensorflow_model_optimization.quantization.keras import QuantizeWrapperV2

    after_relu = kind == "ReLU" or layer.get_config().get("activation") == "relu"
    initial = ranges.get(layer.name, (-6.0, 6.0))
    activation = _activation_quantizer(initial, after_relu) if kind in (*WEIGHTED, *RANGED) else None
    if feeds_relu:  # the sum and the ReLU after it are one operator: only its result is rounded
        activation = None
    weights = _weight_quantizer(per_channel=kind == "Conv2D") if kind in WEIGHTED else None
    return QuantizeWrapperV2(layer, _quantize_config(weights, activation), name_prefix="")


def _quantize_config(weights: Any | None, activation: Any | None) -> Any:
    """What TFMOT's wrapper asks: which tensors of a layer are quantized, and by what."""
    from tensorflow_model_optimization.quantization.keras import QuantizeConfig

    class EdgeConfig(QuantizeConfig):
        def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
            return [(layer.kernel, weights)] if weights is not None else []

        def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
            if weights is not None:
                layer.kernel = quantize_weights[0]

        def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
            return [(layer.activation, activation)] if weights is not None and activation is not None else []

        def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
            if quantize_activations:
                layer.activation = quantize_activations[0]

        def get_output_quantizers(self, layer: Any) -> list[Any]:
            return [activation] if weights is None and activation is not None else []

        def get_config(self) -> dict[str, Any]:
            return {}

    return EdgeConfig()


def _weight_quantizer(*, per_channel: bool) -> Any:
    """Symmetric, on the even numbers of the 8-bit grid (see the module's docstring).

    Per output channel for convolutions; per tensor for dense layers, whose kernel the converter transposes, which it
    cannot do with a scale per channel.
    """
    import tensorflow as tf
    from tensorflow_model_optimization.quantization.keras.quantizers import Quantizer

    fake_quant = tf.quantization.fake_quant_with_min_max_vars
    if per_channel:
        fake_quant = tf.quantization.fake_quant_with_min_max_vars_per_channel

    class EvenWeights(Quantizer):
        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            # A variable, so that the exported file has the limit as a constant.
            shape = (tensor_shape[-1],) if per_channel else ()
            return {"limit": layer.add_weight(f"{name}_limit", shape=shape, initializer="ones", trainable=False)}

        def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
            limit = weights["limit"]
            if training:
                axes = list(range(len(inputs.shape) - 1)) if per_channel else None
                # An all-zero channel keeps a tiny positive range: a scale of 0 is not a scale.
                limit = limit.assign(tf.maximum(tf.reduce_max(tf.abs(inputs), axis=axes), 1e-8))
            step = limit / WEIGHT_LEVELS
            even = tf.round(inputs / step) * step
            straight_through = inputs + tf.stop_gradient(even - inputs)
            # max|w| is 126 steps of the 8-bit grid, whose ends are at 127.
            end = limit * (127.0 / 126.0)
            return fake_quant(straight_through, -end, end, num_bits=8, narrow_range=True)

        def get_config(self) -> dict[str, Any]:
            return {}

    return EvenWeights()


def _activation_quantizer(initial: tuple[float, float], after_relu: bool) -> Any:
    """Per tensor, asymmetric 8 bits; the range starts from ``initial``.

    After a ReLU the upper end follows the largest output as a moving average. Elsewhere (the logits) both ends only
    move outwards: clipping the largest of two logits to the same code would cost the answer.
    """
    import tensorflow as tf
    from tensorflow_model_optimization.quantization.keras.quantizers import Quantizer

    class ActivationRange(Quantizer):
        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            # The real number 0 must lie inside the range to have an exact code.
            ends = {"low": 0.0 if after_relu else min(initial[0], 0.0), "high": max(initial[1], 1e-6)}
            return {
                end: layer.add_weight(
                    f"{name}_{end}", initializer=tf.constant_initializer(value), shape=(), trainable=False
                )
                for end, value in ends.items()
            }

        def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
            low, high = weights["low"], weights["high"]
            if training:
                largest = tf.maximum(tf.reduce_max(inputs), 1e-6)
                if after_relu:
                    high = high.assign(high * RANGE_MOMENTUM + largest * (1 - RANGE_MOMENTUM))
                else:
                    low = low.assign(tf.minimum(low, tf.reduce_min(inputs)))
                    high = high.assign(tf.maximum(high, largest))
            return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high, num_bits=8)

        def get_config(self) -> dict[str, Any]:
            return {}

    return ActivationRange()
