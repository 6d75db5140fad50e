"""The layers of a folded Keras model, each as a model of its own that can be fed by hand."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import ModelError

if TYPE_CHECKING:
    import keras

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")
# The layers whose operator, in a TFLite or ONNX file, takes in the ReLU behind them; for the others it stays apart.
FUSING = (*WEIGHTED, "MaxPooling2D", "AveragePooling2D", "Add")
KINDS = (*FUSING, "GlobalAveragePooling1D", "GlobalAveragePooling2D", "Softmax")
# The ReLUs that are taken in: without a limit, and ReLU6.
_FUSED_LIMITS = (None, 6)


@dataclass(frozen=True)
class FloatLayer:
    """One layer of a folded model together with the ReLU behind it.

    Attributes:
        name: of the Keras layer.
        kind: its class, one of KINDS.
        kernel: float32, as Keras holds it, of a depthwise convolution (h, w, output channels, 1) as files do, whatever
            its multiplier; None for a layer without weights.
        sources: the tensors that it is calculated from: the model's input, or ``tensor`` of layers before it.
        tensor: its output.
        part: the model from ``sources`` to ``tensor``, including what lies between (flattening, other activations).
        before_softmax: whether a softmax alone reads it, which takes no notice of what all channels have in common.
    """

    name: str
    kind: str
    kernel: np.ndarray | None
    sources: list[Any]
    tensor: Any
    part: "keras.Model"
    before_softmax: bool = False


def float_layers(folded: "keras.Model") -> list[FloatLayer]:
    """The layers of ``folded`` (from ``fold.fold``) that are of one of KINDS, from the image on.

    Raises:
        ModelError: a layer whose output is no tensor of its own in an exported file; the message says what to change.
    """
    import keras

    users: dict[int, list[Any]] = {}
    for layer in folded.layers[1:]:
        for tensor in _inputs(layer):
            users.setdefault(id(tensor), []).append(layer)
    layers = [layer for layer in folded.layers if type(layer).__name__ in KINDS]
    tensors = [_end(layer, users.get(id(layer.output), [])) for layer in layers]
    known = {id(tensor) for tensor in (folded.inputs[0], *tensors)}
    found = []
    for layer, tensor in zip(layers, tensors, strict=True):
        kind, sources = type(layer).__name__, _sources(layer, known)
        kernel = np.asarray(layer.kernel) if kind in WEIGHTED else None
        if kernel is not None and kind == "DepthwiseConv2D":
            kernel = kernel.reshape(*kernel.shape[:2], -1, 1)
        readers = [type(user).__name__ for user in users.get(id(tensor), [])]
        part = keras.Model(sources, tensor)
        found.append(FloatLayer(layer.name, kind, kernel, sources, tensor, part, readers == ["Softmax"]))
    return found


def _end(layer: Any, users: list[Any]) -> Any:
    """The tensor behind a layer and its ReLU."""
    if type(layer).__name__ not in FUSING or len(users) != 1 or not _is_relu(users[0]):
        return layer.output
    return users[0].output


def _is_relu(layer: Any) -> bool:
    """Whether it is max(x, 0), perhaps with the limit of ReLU6.

    Raises:
        ModelError: it has another limit: exported files then cut off in two steps, and the tensor between is unknown.
    """
    if type(layer).__name__ == "Activation":
        return layer.activation.__name__ in ("relu", "relu6")
    if type(layer).__name__ != "ReLU" or layer.negative_slope or layer.threshold:
        return False
    if layer.max_value not in _FUSED_LIMITS:
        raise ModelError(f"layer {layer.name} is a ReLU with the limit {layer.max_value:g}, expected none or 6")
    return True


def _sources(layer: Any, known: set[int]) -> list[Any]:
    """The nearest ``known`` tensors that a layer is calculated from, each once."""
    found: dict[int, Any] = {}
    pending = _inputs(layer)
    while pending:
        tensor = pending.pop(0)
        if id(tensor) in known:
            found[id(tensor)] = tensor
        else:
            pending += _inputs(tensor._keras_history.operation)
    return list(found.values())


def _inputs(layer: Any) -> list[Any]:
    return list(layer._inbound_nodes[0].input_tensors)
