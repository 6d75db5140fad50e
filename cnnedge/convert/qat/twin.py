"""The rounding twin of a folded model: the same graph, with weights and outputs rounded as the file rounds them.

Which outputs have a range of their own follows from TFLite's kernels: a ReLU is part of the operator before it;
pooling, reshaping and resizing keep their input's scale; sigmoid, tanh and softmax have a fixed one.
"""

from collections.abc import Callable, Collection
from typing import Any

import keras

from cnnedge.convert.integer_forms import as_depthwise, scalings_of
from cnnedge.convert.qat.fake_quantize import FIXED, FOLLOWS, OUTWARD, RoundedKernel, RoundedOutput
from cnnedge.convert.qat.grid import FIXED_RANGES
from cnnedge.model.fold.affine import Affine
from cnnedge.model.signature import INPUT_NAME, OUTPUT_NAME

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense")
SCALING = ("BatchNormalization", "Rescaling", "Normalization")
# Layers whose output keeps the scale of their input.
PASSING = (
    "MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape", "Permute", "ZeroPadding2D",
    "Cropping2D", "UpSampling2D", "Resizing", "Dropout", "Identity",
)  # fmt: skip
# A ReLU after one of these becomes part of it.
FUSING = ("Conv2D", "DepthwiseConv2D", "Dense", *SCALING, "Add", "Subtract", "Multiply")
# What TFLite computes in integers.
INTEGER = (
    *PASSING, *WEIGHTED, "Add", "Subtract", "Multiply", "InputLayer", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax",
    "SteepElu", "GlobalAveragePooling2D", "Average", "Maximum", "Minimum", "Concatenate",
)  # fmt: skip
INTEGER_ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "silu", "gelu", "hard_silu", "hard_sigmoid", "tanh", "sigmoid",
    "softmax",
)  # fmt: skip


def rounding_twin(folded: keras.Model, left_in_float: Collection[str] = ()) -> keras.Model:
    """A model that computes what ``folded`` does, with layers that round between; it has copies of the weights.

    Its ranges are still to be found, see ``ranges.start_ranges``. Layers that are named keep their weights as they
    are; what they give is rounded for those that read it.
    """
    image = keras.Input(folded.inputs[0].shape[1:], name=INPUT_NAME)
    # Raw pixels are integers 0..255 already: scale 1 exactly.
    pixels = RoundedOutput(FIXED, (0.0, 255.0), name=f"{INPUT_NAME}_range")(image)
    scalings = scalings_of(folded)
    placed: dict[int, _Placed] = {}

    def place(operation: Any) -> _Placed:
        kind = _PlacedFloat if operation.name in left_in_float else _Placed
        return placed.setdefault(id(operation), kind(operation, scalings.get(operation.name)))

    def call(operation: _Placed, *arguments: Any, **options: Any) -> Any:
        return operation(*(pixels if argument is image else argument for argument in arguments), **options)

    twin = keras.models.clone_model(folded, input_tensors=image, clone_function=place, call_function=call)
    for operation in placed.values():
        operation.copy_weights()
    return twin


def float_layers(folded: keras.Model) -> list[str]:
    """The layers that stay in float in the file, since TFLite has no integer kernel for them."""
    scalings = scalings_of(folded)
    return [
        layer.name
        for layer in folded.layers
        if (
            layer.name not in scalings and not (type(layer).__name__ in INTEGER or type(layer).__name__ == "Activation")
        )
        or _activation(layer) not in INTEGER_ACTIVATIONS
    ]


def _activation(layer: Any) -> str:
    """The name of a layer's activation function; "linear" for a layer that has none."""
    function = getattr(layer, "activation", keras.activations.linear)
    return getattr(function, "__name__", type(function).__name__)


class _Placed:
    """One operation of the folded model as it stands in the twin; called once for each place where it is used."""

    def __init__(self, original: Any, scaling: Affine | None) -> None:
        self.original, self.kind, self.scaling = original, type(original).__name__, scaling
        self.copies: list[tuple[Any, list[Any]]] = []
        self.layers: dict[str, Any] = {}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self.scaling is not None:
            return _scaled(self, self.scaling, *arguments)
        if self.kind in _RULES:
            return _RULES[self.kind](self, *arguments)
        output = self.once("", lambda: self._clone())(*arguments, **options)
        return output if self.kind in PASSING else self.ranged(output, _activation(self.original))

    def once(self, part: str, make: Callable[[], Any]) -> Any:
        """The layer for ``part`` of the operation, the same wherever the operation is used."""
        if part not in self.layers:
            self.layers[part] = make()
        return self.layers[part]

    def copy_weights(self) -> None:
        for layer, weights in self.copies:
            layer.set_weights(weights)

    def _clone(self) -> Any:
        clone = type(self.original).from_config(self.original.get_config())
        if getattr(self.original, "weights", None):
            self.copies.append((clone, self.original.get_weights()))
        return clone

    def ranged(self, output: Any, activation: str = "linear", part: str = "range") -> Any:
        """``output`` on a grid of its own, unless what follows is part of the same operator, or the answer itself."""
        if self.original.name == OUTPUT_NAME or (part == "range" and _feeds_only_relu(self.original)):
            return output
        movement = OUTWARD if _feeds(self.original, "Softmax") else FOLLOWS
        function = {"Softmax": "softmax"}.get(self.kind, activation)
        options: dict[str, Any] = {"name": f"{self.original.name}_{part}"}
        if function in FIXED_RANGES:
            movement, options["ends"] = FIXED, FIXED_RANGES[function]
        return self.once(part, lambda: RoundedOutput(movement, **options))(output)

    def weighted(self, kind: str, weights: list[Any], config: dict[str, Any]) -> Any:
        """A layer of ``kind`` with a rounded kernel."""

        def make() -> Any:
            layer = getattr(keras.layers, kind).from_config(config | {"name": self.original.name})
            self.copies.append((layer, weights))
            return RoundedKernel(layer)

        return self.once("kernel", make)


class _PlacedFloat(_Placed):
    """An operation that computes in float."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.ranged(self.once("", lambda: self._clone())(*arguments, **options))


def with_trained_weights(folded: keras.Model, twin: keras.Model) -> keras.Model:
    """A model that computes as ``folded`` does, with the rounded weights of its rounding twin."""
    trained = keras.models.clone_model(folded)
    trained.set_weights(folded.get_weights())
    for layer in twin.layers:
        if isinstance(layer, RoundedKernel):
            trained.get_layer(layer.name).set_weights(layer.rounded_weights())
    return trained


def _feeds(operation: Any, kind: str) -> bool:
    return any(type(node.operation).__name__ == kind for node in operation._outbound_nodes)


def _feeds_only_relu(operation: Any) -> bool:
    following = [node.operation for node in operation._outbound_nodes]
    return (
        len(following) == 1
        and type(operation).__name__ in FUSING
        and _activation(operation) == "linear"
        and type(following[0]).__name__ in ("ReLU", "Activation")
        and _is_fused_relu(following[0])
    )


def _is_fused_relu(layer: Any) -> bool:
    """Whether TFLite makes the layer part of the operator before it: max(x, 0), or that cut off at 6."""
    if type(layer).__name__ == "Activation":
        return _activation(layer) in ("relu", "relu6")
    return layer.max_value in (None, 6) and not layer.negative_slope and not layer.threshold


def _weighted(self: _Placed, inputs: Any) -> Any:
    config, activation = self.original.get_config(), _activation(self.original)
    apart = self.kind not in FUSING and activation != "linear"
    layer = self.weighted(self.kind, self.original.get_weights(), config | ({"activation": None} if apart else {}))
    if not apart:
        return self.ranged(layer(inputs))
    sums = self.ranged(layer(inputs), part="sums")
    return self.ranged(keras.layers.Activation(activation, name=f"{self.original.name}_{activation}")(sums))


def _scaled(self: _Placed, affine: Affine, inputs: Any) -> Any:
    return self.ranged(self.weighted("DepthwiseConv2D", as_depthwise(affine), {"kernel_size": 1})(inputs))


def _average(self: _Placed, inputs: list[Any]) -> Any:
    total = self.ranged(keras.layers.Add(name=f"{self.original.name}_total")(inputs), part="sum")
    return self.ranged(total * (1.0 / len(inputs)))


def _steep_elu(self: _Placed, inputs: Any) -> Any:
    """In the steps of ``integer_forms.steep_elu``."""
    alpha = self.original.alpha
    bent = self.ranged(keras.ops.elu(inputs), part="bent")
    above = self.ranged(keras.ops.relu(inputs), part="above")
    parts = self.ranged(bent * alpha, part="bent_scaled"), self.ranged(above * (1 - alpha), part="above_scaled")
    return self.ranged(parts[0] + parts[1])


def _activation_layer(self: _Placed, inputs: Any) -> Any:
    """The activation function in steps that TFLite has integer kernels for."""
    activation = _activation(self.original)
    if activation == "silu":
        gate = self.ranged(keras.ops.sigmoid(inputs), "sigmoid", part="gate")
        return self.ranged(inputs * gate)
    if activation == "hard_sigmoid":  # relu6(x + 3) / 6
        return self.ranged(self.ranged(keras.ops.relu6(inputs + 3.0), part="sixfold") * (1 / 6))
    layer = self.once("", lambda: keras.layers.Activation(self.original.activation, name=self.original.name))
    return self.ranged(layer(inputs), activation)


_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(WEIGHTED, _weighted),
    "Average": _average,
    "SteepElu": _steep_elu,
    "Activation": _activation_layer,
}
