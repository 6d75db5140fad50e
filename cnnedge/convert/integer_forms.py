"""Layers in forms that integers can hold; for int8 and int16x8 files, whatever the float network has.

The converter writes a batch normalization that could not be folded as a multiplication by 8-bit constants with one step
for all channels: here it is a depthwise convolution of one pixel, which has a step for each and a 32-bit offset. And it
decomposes some activations into steps that no 8 bits hold, such as e**20 within mish, or chooses by comparisons that
have no kernel for 16: here no value between is larger than what goes in or comes out. (Nor is a minimum with 0 a way:
the converter gives that constant a scale that is none.) A layer normalization keeps its 16 bits.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnedge.model.fold.affine import Affine, affine_of
from cnnedge.model.graph.read import read_graph

# Left of the lower end mish's sigmoid is below 0.0002, right of the upper one above 0.999: its 8-bit step is 0.004.
MISH_ENDS = (-8.0, 4.0)
# Klambauer et al., "Self-Normalizing Neural Networks", arXiv 1706.02515.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _mish(x: Any) -> Any:
    """x * sigmoid(x + log(1 + e**x / 2)), the last being -log(sigmoid(log 2 - x)).

    Half of x is cut off, a tensor of its own: a minimum has one range with what it reads, and would cut off the x that
    is multiplied.
    """
    low, high = MISH_ENDS
    near = 2.0 * ops.clip(0.5 * x, low / 2, high / 2)
    return x * ops.sigmoid(near - ops.log(ops.sigmoid(float(np.log(2)) - near)))


def _softsign(x: Any) -> Any:
    """x / (1 + abs(x)): the converter divides, for which there is no kernel of 8 or 16 bits."""
    root = ops.rsqrt(1.0 + ops.abs(x))
    return x * root * root


def _sparse_plus(x: Any) -> Any:
    return ops.square(ops.clip(0.5 * x + 0.5, 0.0, 1.0)) + ops.relu(x - 1.0)


def steep_elu(x: Any, alpha: float, scale: float = 1.0) -> Any:
    """scale * (max(x, 0) + alpha * (e**min(x, 0) - 1)) by the ELU that TFLite has, whose alpha is 1.

    The converter chooses between the two sides in float. Apart they may hold nothing at all, where x has one sign.
    """
    return scale * alpha * ops.elu(x) + scale * (1 - alpha) * ops.relu(x)


# By the name of Keras's function. Of a sigmoid of |x| the logarithm is within -0.7..0.
FORMS: dict[str, Callable[[Any], Any]] = {
    "mish": _mish,
    "softplus": lambda x: ops.relu(x) - ops.log(ops.sigmoid(ops.abs(x))),
    "log_sigmoid": lambda x: x - ops.relu(x) + ops.log(ops.sigmoid(ops.abs(x))),
    "selu": lambda x: steep_elu(x, SELU_ALPHA, SELU_SCALE),
    "softsign": _softsign,
    "celu": ops.elu,  # the same for the alpha of 1 that the function has by name
    "soft_shrink": lambda x: ops.relu(x - 0.5) - ops.relu(-x - 0.5),
    "sparse_sigmoid": lambda x: ops.clip(0.5 * x + 0.5, 0.0, 1.0),
    "sparse_plus": _sparse_plus,
}


def integer_forms(folded: keras.Model) -> keras.Model:
    """A twin of ``folded`` that computes the same, but for mish beyond ``MISH_ENDS``; layers keep their names."""
    scalings = scalings_of(folded)

    def form(layer: Any) -> Any:
        if layer.name in scalings:
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        function = getattr(getattr(layer, "activation", None), "__name__", "")
        if function in FORMS:
            return IntegerForm(function, name=layer.name)
        if isinstance(layer, keras.layers.ELU) and layer.alpha != 1:
            return SteepElu.from_config(layer.get_config())
        return (_centred(layer) or type(layer)).from_config(layer.get_config())

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        return layer(*arguments, **({} if layer.name in scalings else options))  # the mask of batch normalization

    twin = keras.models.clone_model(folded, clone_function=form, call_function=call)
    for layer in folded.layers:
        affine = scalings.get(layer.name)
        twin.get_layer(layer.name).set_weights(layer.get_weights() if affine is None else as_depthwise(affine))
    return twin


def scalings_of(folded: keras.Model) -> dict[str, Affine]:
    """The layers on maps that multiply and add by channel, by name."""
    found = {node.name: affine_of(node) for node in read_graph(folded).nodes if len(node.output.shape) == 4}
    return {name: affine for name, affine in found.items() if affine is not None}


def as_depthwise(affine: Affine) -> list[np.ndarray]:
    """The weights of a depthwise convolution of one pixel; its one weight a channel holds the scale exactly."""
    return [affine.scale.astype("float32").reshape(1, 1, -1, 1), affine.offset.astype("float32")]


def _normalized(inputs: Any, axes: Any, epsilon: float, gamma: Any, beta: Any) -> Any:
    """The mean taken out once, and its square multiplied out.

    TensorFlow's moments become SQUARED_DIFFERENCE, of which LiteRT has no 16-bit kernel although the converter writes
    it, and Keras's group normalization negates the mean, of which there is no integer kernel.
    """
    centred = inputs - ops.mean(inputs, axis=axes, keepdims=True)
    variance = ops.mean(centred * centred, axis=axes, keepdims=True)
    outputs = centred * ops.rsqrt(variance + epsilon)
    outputs = outputs if gamma is None else outputs * gamma
    return outputs if beta is None else outputs + beta


class CentredLayers(keras.layers.LayerNormalization):
    """A layer normalization of the last axis, see ``_normalized``."""

    def call(self, inputs: Any) -> Any:
        return _normalized(inputs, -1, self.epsilon, self.gamma, self.beta)


class CentredGroups(keras.layers.GroupNormalization):
    """A group normalization of the last axis, see ``_normalized``."""

    def call(self, inputs: Any) -> Any:
        places = int(np.prod(inputs.shape[1:-1]))
        grouped = ops.reshape(inputs, (-1, places, self.groups, inputs.shape[-1] // self.groups))
        shape = (1, 1, *grouped.shape[2:])
        gamma, beta = (None if v is None else ops.reshape(v, shape) for v in (self.gamma, self.beta))
        return ops.reshape(_normalized(grouped, (1, 3), self.epsilon, gamma, beta), (-1, *inputs.shape[1:]))


def _centred(layer: Any) -> Any:
    """The class that normalizes as the layer does; None if there is none."""
    if not isinstance(layer, (keras.layers.LayerNormalization, keras.layers.GroupNormalization)):
        return None
    if layer.axis not in (-1, [-1], len(layer.output.shape) - 1, [len(layer.output.shape) - 1]):
        return None
    if isinstance(layer, keras.layers.GroupNormalization):
        return CentredGroups
    return None if layer.rms_scaling else CentredLayers


class SteepElu(keras.layers.ELU):
    """See ``steep_elu``."""

    def call(self, inputs: Any) -> Any:
        return steep_elu(inputs, self.alpha)


class IntegerForm(keras.layers.Layer):
    """An activation by the name of Keras's function, calculated as ``FORMS`` says."""

    def __init__(self, function: str, **options: Any) -> None:
        super().__init__(**options)
        self.function = function

    def call(self, x: Any) -> Any:
        return FORMS[self.function](x)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"function": self.function}
