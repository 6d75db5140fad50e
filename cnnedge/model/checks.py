"""Is this model one plain image classifier?"""

from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.model.head import ends_in_softmax

if TYPE_CHECKING:
    import keras


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
    if not ends_in_softmax(model.layers[-1]):
        raise ModelError(
            f"the model ends in {type(model.layers[-1]).__name__} {model.layers[-1].name!r} without a softmax: "
            "end it in Dense(classes, activation='softmax') so that it gives probabilities"
        )
