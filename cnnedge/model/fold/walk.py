"""Walks a model once, in topological order, and builds the folded one: the rules stand in the files beside this."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.model.checks import check_classifier
from cnnedge.model.flatten import as_functional
from cnnedge.model.fold.activations import is_plain_relu
from cnnedge.model.fold.batch_norm import fold_batch_norm, normalizes_channels
from cnnedge.model.fold.inference import passes_through
from cnnedge.model.fold.input_scaling import absorbs_scaling, fold_input_scale, per_channel
from cnnedge.model.fold.weights import CHANNEL_AXIS, Weights, read_weights
from cnnedge.model.signature import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    import keras


def fold(model: "keras.Model") -> "keras.Model":
    """The folded twin of ``model``: same input (1 image batch axis free, float32 pixels 0..255), same probabilities.

    The result has one ``Input`` named ``image`` and ends in a ``Softmax`` layer named ``probabilities``. Layers that
    no rule covers are cloned with their weights.

    Raises:
        ModelError: see ``checks.check_classifier``.
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
        self.weights: list[tuple[str, Weights]] = []
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
            folded.get_layer(name).set_weights(weights.as_float32())
        for name, values in self.copies:
            folded.get_layer(name).set_weights(values)
        return folded

    def _place(self, layer: Any) -> None:
        kind = type(layer).__name__
        if passes_through(layer):
            self._alias(layer)
        elif kind == "Rescaling" and absorbs_scaling(layer, self._only_consumer(layer.output)):
            self._absorb_rescaling(layer)
        elif kind in CHANNEL_AXIS:
            self._place_weighted(layer)
        else:
            self._clone(layer)

    def _alias(self, layer: Any) -> None:
        """The layer's output is its input."""
        self.new[id(layer.output)] = self.new[id(layer.input)]
        self.consumers[id(layer.input)] = [
            *(other for other in self.consumers[id(layer.input)] if other is not layer),
            *self.consumers.get(id(layer.output), []),
        ]

    def _absorb_rescaling(self, layer: Any) -> None:
        self._alias(layer)
        self.scale[id(layer.output)] = per_channel(layer)

    def _only_consumer(self, tensor: Any) -> Any | None:
        following = self.consumers.get(id(tensor), [])
        return following[0] if len(following) == 1 and tensor is not self.model.outputs[0] else None

    def _place_weighted(self, layer: Any) -> None:
        import keras

        weights = read_weights(layer)
        if id(layer.input) in self.scale:
            fold_input_scale(weights, *self.scale[id(layer.input)])
        output, activation = layer.output, keras.activations.serialize(layer.activation)
        if activation == "linear":
            output = self._fold_batch_norm(output, weights)
            output, activation = self._fuse_relu(output)
        softmax = activation == "softmax"
        config = {**layer.get_config(), "use_bias": True, "activation": "linear" if softmax else activation}
        if softmax:
            config["name"] = "logits"
        placed = type(layer).from_config(config)
        result = placed(self.new[id(layer.input)])
        self.weights.append((placed.name, weights))
        self.new[id(output)] = keras.layers.Softmax(name=OUTPUT_NAME)(result) if softmax else result

    def _fold_batch_norm(self, output: Any, weights: Weights) -> Any:
        norm = self._only_consumer(output)
        if norm is None or not normalizes_channels(norm, len(output.shape)):
            return output
        fold_batch_norm(weights, norm)
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


def _inputs(layer: Any) -> list[Any]:
    return list(layer._inbound_nodes[0].input_tensors)
