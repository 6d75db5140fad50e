"""Is this one classifier of single images, and is it plain already?"""

from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError
from cnnedge.model.flat.channels_last import is_channels_first
from cnnedge.model.flat.inference import is_augmentation
from cnnedge.model.flat.widened import is_dilated
from cnnedge.model.graph.read import graph_of
from cnnedge.model.head import ends_in_softmax
from cnnedge.model.readers.limits import RECURRENT

if TYPE_CHECKING:
    import keras


def check_ends(model: "keras.Model", input_size: int | None = None) -> None:
    """Refuse a model that does not take single images, or has several inputs or outputs.

    Raises:
        ModelError: what it takes or gives is no image, or no classes; or its size is free and ``input_size`` is None.
    """
    import keras

    if not isinstance(model, (keras.Sequential, keras.src.models.Functional)):
        raise ModelError(
            f"it is a subclassed model ({type(model).__name__}), whose code alone knows what it does: build it with "
            "keras.Sequential or keras.Model(inputs, outputs), or give the folder that model.export(folder) writes"
        )
    graph = graph_of(model)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        ends = {"input": len(graph.inputs), "output": len(graph.outputs)}
        counts = " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in ends.items())
        raise ModelError(
            f"the model has {counts}, expected one of each: keras.Model(image, probabilities) makes a "
            "classifier of the two that belong together"
        )
    _check_layers(model)
    if len(graph.inputs[0].shape) == 3:
        _refuse_sequences(model)
    _check_image(tuple(graph.inputs[0].shape[1:]), input_size)
    _check_output(tuple(graph.outputs[0].shape[1:]))


def _check_layers(model: "keras.Model") -> None:
    for layer in model._flatten_layers():
        if type(layer).__name__ in RECURRENT:
            raise ModelError(
                f"layer {layer.name!r} is {type(layer).__name__}, made for sequences: expected a network for images"
            )
        if getattr(layer, "quantization_mode", None) is not None:
            raise ModelError(
                f"layer {layer.name!r} was quantized by Keras ({layer.quantization_mode}): give the float model that "
                "it was made from"
            )


def _refuse_sequences(model: "keras.Model") -> None:
    """A (time, features) input is no picture without channels."""
    kinds = {layer.name: type(layer).__name__ for layer in model._flatten_layers()}
    if any(kind.endswith("2D") for kind in kinds.values()):
        return
    for name, kind in kinds.items():
        if kind.endswith("1D"):
            raise ModelError(f"layer {name!r} is {kind}, made for sequences: expected a network for images")


def _check_image(shape: tuple[int | None, ...], input_size: int | None) -> None:
    expected = "expected (height, width, 1 or 3), fixed sizes"
    if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
        size = f"({shape[1]}, {shape[2]}, {shape[0]})"
        raise ModelError(
            f"the model takes pictures of shape {shape} with channels first, expected {size}: save keras.Sequential("
            f"[keras.Input({size}), keras.layers.Permute((3, 1, 2)), model]) in its place"
        )
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
        raise ModelError(f"the model takes input of shape {shape}, {expected}")
    if None in shape[:2] and input_size is None:
        raise ModelError(f"the model takes input of shape {shape}, {expected}: --input-size N says which")
    if input_size is not None and any(side not in (None, input_size) for side in shape[:2]):
        raise ModelError(f"--input-size is {input_size}, and the model takes {shape} alone: leave it out")


def _check_output(shape: tuple[int | None, ...]) -> None:
    if len(shape) != 1 or shape[0] is None:
        more = ": a network that tells where things are is no classifier of pictures" if len(shape) > 1 else ""
        raise ModelError(f"the model gives output of shape {shape}, expected (classes,){more}")


def is_plain(model: "keras.Model") -> bool:
    """Whether the model is what the rest of the project works on, as it stands.

    That is: functional, float32, each layer called once and in sight, no operations beside layers, no augmentation, an
    image of fixed size with channels in, a batch of any size, and a softmax at its end.
    """
    import keras

    if isinstance(model, keras.Sequential) or not all(isinstance(part, keras.Layer) for part in model.operations):
        return False
    shape = model.inputs[0].shape
    return (
        isinstance(model._inputs_struct, (list, keras.KerasTensor))
        and isinstance(model._outputs_struct, (list, keras.KerasTensor))
        and shape[0] is None
        and len(shape) == 4
        and None not in shape[1:]
        and model.inputs[0].dtype == "float32"
        and all(_is_plain_layer(layer) for layer in model.layers)
        and ends_in_softmax(model.layers[-1])
        and model.outputs[0].shape[1] > 1
    )


def _is_plain_layer(layer: Any) -> bool:
    return (
        not hasattr(layer, "layers")
        and len(layer._inbound_nodes) == 1
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not is_augmentation(layer)
        and not is_channels_first(layer)
        and not is_dilated(layer)
    )


def check_classifier(model: "keras.Model") -> None:
    """Refuse a model that is not plain: one that ``source.read_source`` did not give.

    Raises:
        ModelError: see ``check_ends``; or it has no softmax at its end.
    """
    check_ends(model)
    if not ends_in_softmax(model.layers[-1]):
        raise ModelError(
            f"the model ends in {type(model.layers[-1]).__name__} {model.layers[-1].name!r} without a softmax: "
            "end it in Dense(classes, activation='softmax') so that it gives probabilities"
        )
