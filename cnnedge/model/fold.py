"""Turn a trained Keras 3 classifier into the same function with fewer, plainer layers.

The exporters all start from the folded model:

- ``BatchNormalization`` goes into the weights of the convolution or dense layer before it,
- ``Rescaling`` at the input goes into the weights of the first layer, so that raw pixels go in at no cost,
- a ``ReLU`` becomes the activation of the layer before it,
- dropout and augmentation layers, which do nothing at inference, are left out,
- the final softmax becomes a layer of its own, named ``probabilities``.

Folding before quantization means that what is quantized is exactly what runs: the fake-quantized kernel of
quantization-aware training is the kernel in the file, and batch statistics stay as the float model had them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import ModelError

if TYPE_CHECKING:
    import keras

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
# The axis of the output channels in each kernel layout: (h, w, in, out), (in, out), (h, w, channels, multiplier = 1).
_CHANNEL_AXIS = {"Conv2D": 3, "Dense": 1, "DepthwiseConv2D": 2}
# Layers that return their input unchanged at inference.
_INFERENCE_IDENTITY = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout")


@dataclass
class _Weights:
    """The weights of one folded layer, in float64 so that folding adds no rounding of its own."""

    kernel: np.ndarray
    bias: np.ndarray


def check_classifier(model: "keras.Model") -> None:
    """Refuse a model that is not one plain image classifier.

    Raises:
        ModelError: more than one input or output, an input that is not (height, width, 1 or 3) with fixed sizes,
            an output that is not a vector of probabilities, nested or shared layers.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each"
        )
    shape = tuple(model.inputs[0].shape[1:])
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        raise ModelError(f"the model takes input of shape {shape}, expected (height, width, 1 or 3), fixed sizes")
    if len(model.outputs[0].shape) != 2 or model.outputs[0].shape[1] is None:
        raise ModelError(f"the model gives output of shape {tuple(model.outputs[0].shape[1:])}, expected (classes,)")
    for layer in model.layers:
        if hasattr(layer, "layers"):
            raise ModelError(f"layer {layer.name!r} is a model inside the model: build the network from flat layers")
        if len(layer._inbound_nodes) != 1:
            raise ModelError(f"layer {layer.name!r} is used {len(layer._inbound_nodes)} times, expected once")
    if not _ends_in_softmax(model):
        raise ModelError(
            f"the model ends in {type(model.layers[-1]).__name__} {model.layers[-1].name!r} without a softmax: "
            "end it in Dense(classes, activation='softmax') so that it gives probabilities"
        )


def as_functional(model: "keras.Model") -> "keras.Model":
    """A Sequential model as the functional one with the same layers and weights; any other model as it is.

    A Sequential model that was loaded from a file has called each of its layers several times, so that its graph
    cannot be read off its layers.
    """
    import keras

    if not isinstance(model, keras.Sequential):
        return model
    image = x = keras.Input(model.input_shape[1:], name=INPUT_NAME)
    for layer in model.layers:
        x = type(layer).from_config(layer.get_config())(x)
    functional = keras.Model(image, x, name=model.name)
    functional.set_weights(model.get_weights())
    return functional


def fold(model: "keras.Model") -> "keras.Model":
    """The folded twin of ``model``: same input (1 image batch axis free, float32 pixels 0..255), same probabilities.

    The result has one ``Input`` named ``image`` and ends in a ``Softmax`` layer named ``probabilities``. Layers that
    no rule covers are cloned with their weights.

    Raises:
        ModelError: see ``check_classifier``.
    """
    model = as_functional(model)
    check_classifier(model)
    return _Folder(model).build()


class _Folder:
    """Walks a functional model once, in topological order, building the folded one."""

    def __init__(self, model: "keras.Model") -> None:
        self.model = model
        self.consumers: dict[int, list[Any]] = {}
        for layer in model.layers:
            for tensor in _inputs(layer):
                self.consumers.setdefault(id(tensor), []).append(layer)
        self.new: dict[int, Any] = {}  # id of an old tensor -> the new tensor that stands for it
        self.done: set[str] = set()  # layers already folded into one before them
        self.scale: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # pending (scale, offset) per old tensor
        self.weights: list[tuple[str, _Weights]] = []
        self.copies: list[tuple[str, list[np.ndarray]]] = []

    def build(self) -> "keras.Model":
        import keras

        source = self.model.inputs[0]
        image = keras.Input(source.shape[1:], name=INPUT_NAME)
        self.new[id(source)] = image
        for layer in self.model.layers:
            if layer.name not in self.done and type(layer).__name__ != "InputLayer":
                self._place(layer)
        folded = keras.Model(image, self.new[id(self.model.outputs[0])], name=self.model.name)
        for name, weights in self.weights:
            folded.get_layer(name).set_weights([weights.kernel.astype("float32"), weights.bias.astype("float32")])
        for name, values in self.copies:
            folded.get_layer(name).set_weights(values)
        return folded

    def _place(self, layer: Any) -> None:
        kind = type(layer).__name__
        if kind in _INFERENCE_IDENTITY or kind.startswith("Random"):
            self._alias(layer)
        elif kind == "Rescaling" and self._can_absorb(layer):
            self._absorb_rescaling(layer)
        elif kind in _CHANNEL_AXIS:
            self._place_weighted(layer, kind)
        else:
            self._clone(layer)

    def _alias(self, layer: Any) -> None:
        """The layer's output is its input."""
        self.new[id(layer.output)] = self.new[id(layer.input)]
        self.consumers[id(layer.input)] = [
            *(other for other in self.consumers[id(layer.input)] if other is not layer),
            *self.consumers.get(id(layer.output), []),
        ]

    def _can_absorb(self, layer: Any) -> bool:
        """Exact only if one weighted layer follows and no padding zero would need the offset added."""
        following = self._only_consumer(layer.output)
        if following is None or type(following).__name__ not in ("Conv2D", "Dense"):
            return False
        offset = np.asarray(layer.offset, "float64")
        return bool(np.all(offset == 0)) or type(following).__name__ == "Dense" or following.padding == "valid"

    def _absorb_rescaling(self, layer: Any) -> None:
        self._alias(layer)
        channels = layer.input.shape[-1]
        scale = np.broadcast_to(np.asarray(layer.scale, "float64"), (channels,))
        offset = np.broadcast_to(np.asarray(layer.offset, "float64"), (channels,))
        self.scale[id(layer.output)] = (scale, offset)

    def _only_consumer(self, tensor: Any) -> Any | None:
        following = self.consumers.get(id(tensor), [])
        return following[0] if len(following) == 1 and tensor is not self.model.outputs[0] else None

    def _place_weighted(self, layer: Any, kind: str) -> None:
        import keras

        weights = _read_weights(layer, _CHANNEL_AXIS[kind])
        if id(layer.input) in self.scale:
            _fold_input_scale(weights, *self.scale[id(layer.input)])
        output, activation = layer.output, keras.activations.serialize(layer.activation)
        if activation == "linear":
            output = self._fold_batch_norm(output, weights, _CHANNEL_AXIS[kind])
            output, activation = self._fuse_relu(output)
        softmax = activation == "softmax"
        config = {**layer.get_config(), "use_bias": True, "activation": "linear" if softmax else activation}
        if softmax:
            config["name"] = "logits"
        placed = type(layer).from_config(config)
        result = placed(self.new[id(layer.input)])
        self.weights.append((placed.name, weights))
        self.new[id(output)] = keras.layers.Softmax(name=OUTPUT_NAME)(result) if softmax else result

    def _fold_batch_norm(self, output: Any, weights: _Weights, axis: int) -> Any:
        norm: Any = self._only_consumer(output)
        if type(norm).__name__ != "BatchNormalization" or norm.axis not in (-1, len(output.shape) - 1):
            return output
        # Batch normalization at inference: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.
        mean, variance = (np.asarray(v, "float64") for v in (norm.moving_mean, norm.moving_variance))
        factor = 1.0 / np.sqrt(variance + norm.epsilon)
        if norm.scale:
            factor = factor * np.asarray(norm.gamma, "float64")
        shape = [1] * weights.kernel.ndim
        shape[axis] = -1
        weights.kernel = weights.kernel * factor.reshape(shape)
        weights.bias = (weights.bias - mean) * factor
        if norm.center:
            weights.bias = weights.bias + np.asarray(norm.beta, "float64")
        self.done.add(norm.name)
        return norm.output

    def _fuse_relu(self, output: Any) -> tuple[Any, str]:
        following = self._only_consumer(output)
        if following is None or not is_plain_relu(following):
            return output, "linear"
        self.done.add(following.name)
        return following.output, "relu"

    def _clone(self, layer: Any) -> None:
        import keras

        config = layer.get_config()
        if layer.output is self.model.outputs[0]:
            config["name"] = OUTPUT_NAME
        # One form of ReLU, whichever the model used.
        clone = keras.layers.ReLU(name=layer.name) if is_plain_relu(layer) else type(layer).from_config(config)
        inputs = [self.new[id(tensor)] for tensor in _inputs(layer)]
        self.new[id(layer.output)] = clone(inputs if isinstance(layer.input, list) else inputs[0])
        if layer.weights:
            self.copies.append((clone.name, layer.get_weights()))


def is_plain_relu(layer: Any) -> bool:
    """Whether the layer is max(x, 0): no upper limit, no slope, no threshold."""
    kind = type(layer).__name__
    if kind == "Activation":
        return layer.get_config()["activation"] == "relu"
    return kind == "ReLU" and layer.max_value is None and not layer.negative_slope and not layer.threshold


def _inputs(layer: Any) -> list[Any]:
    return list(layer._inbound_nodes[0].input_tensors)


def _ends_in_softmax(model: "keras.Model") -> bool:
    last = model.layers[-1]
    return type(last).__name__ == "Softmax" or last.get_config().get("activation") == "softmax"


def _read_weights(layer: Any, axis: int) -> _Weights:
    kernel = np.asarray(layer.kernel, "float64")
    bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(kernel.shape[axis])
    return _Weights(kernel, bias)


def _fold_input_scale(weights: _Weights, scale: np.ndarray, offset: np.ndarray) -> None:
    """w . (scale * x + offset) + b = (w * scale) . x + (b + sum of w * offset), per input channel."""
    kernel = weights.kernel
    # The input-channel axis is the one before the output axis, in both kernel layouts.
    weights.bias = weights.bias + (kernel * offset[:, None]).reshape(-1, kernel.shape[-1]).sum(axis=0)
    weights.kernel = kernel * scale[:, None]
