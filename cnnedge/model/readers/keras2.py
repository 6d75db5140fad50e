"""Configurations that Keras 2 wrote (until 2.15, and tf_keras), in the words of Keras 3."""

from collections.abc import Iterator
from typing import Any

# Settings of Keras 2 that Keras 3 does not take, and that change nothing in a network that predicts.
_KERNEL = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
_DROPPED = {"DepthwiseConv2D": _KERNEL, "SeparableConv2D": _KERNEL, "Conv2DTranspose": ("groups",)}
_RANDOM_DROPPED = ("rng_type",)
_MODULES = {
    "keras.src.engine.functional": "keras.src.models.functional",
    "keras.engine.functional": "keras.src.models.functional",
}
GRAPHS = ("Functional", "Model")
# TensorFlow functions on a tensor and a number y: the scale and offset that they are.
_AFFINE = {
    "math.truediv": lambda y: (1 / y, 0.0), "math.divide": lambda y: (1 / y, 0.0), "math.multiply": lambda y: (y, 0.0),
    "math.subtract": lambda y: (1.0, -y), "math.add": lambda y: (1.0, y),
    "__operators__.add": lambda y: (1.0, y),
}  # fmt: skip
_ACTIVATIONS = {
    "nn.relu": "relu", "nn.relu6": "relu6", "nn.softmax": "softmax", "math.sigmoid": "sigmoid", "math.tanh": "tanh",
    "nn.elu": "elu", "nn.selu": "selu",
}  # fmt: skip
# TensorFlow functions on two tensors.
_OF_TWO = {
    "math.add": "Add", "__operators__.add": "Add", "math.subtract": "Subtract", "math.multiply": "Multiply",
    "math.maximum": "Maximum", "math.minimum": "Minimum",
}  # fmt: skip
# With a number c on the left: the scale and offset for the tensor on the right.
_AFFINE_OF_LEFT = {
    "math.add": lambda c: (1.0, c), "__operators__.add": lambda c: (1.0, c), "math.multiply": lambda c: (c, 0.0),
    "math.subtract": lambda c: (-1.0, c),
}  # fmt: skip
_LEFT_NUMBER = "_CONSTANT_VALUE"  # stands for the first tensor where there is none


def modernized(config: Any) -> Any:
    """The same configuration for Keras 3; one of Keras 3 comes back as it is."""
    if isinstance(config, list):
        return [modernized(part) for part in config]
    if not isinstance(config, dict):
        return config
    changed = {key: modernized(value) for key, value in config.items()}
    if isinstance(changed.get("module"), str):
        module = changed["module"].replace("tf_keras", "keras", 1)
        changed["module"] = _MODULES.get(module, module)
    if changed.get("class_name") == "Policy":
        return changed["config"]["name"]
    if changed.get("class_name") == "TFOpLambda":
        return _operation(changed)
    return _renumbered(_without_dropped(_with_one_axis(changed)))


def _with_one_axis(layer: dict[str, Any]) -> dict[str, Any]:
    """Keras 2 keeps the axis of a batch normalization in a list."""
    axis = layer.get("config", {}).get("axis") if layer.get("class_name") == "BatchNormalization" else None
    return {**layer, "config": {**layer["config"], "axis": axis[0]}} if isinstance(axis, list) else layer


def _renumbered(model: dict[str, Any]) -> dict[str, Any]:
    """Calls of nested models counted from 0 (Keras 2 counts their making as the first); one tensor not in a list."""
    config = model.get("config")
    if model.get("class_name") not in GRAPHS or not isinstance(config, dict) or not _has_keras2_calls(config):
        return model
    nested = [layer for layer in config["layers"] if layer.get("class_name") in (*GRAPHS, "Sequential")]
    config = _shifted(config, {_name(layer): _counted_from_0(layer, config) for layer in nested})
    for ends in ("input_layers", "output_layers"):
        if len(config.get(ends, [])) == 1:
            config[ends] = config[ends][0]
    return {**model, "config": config}


def _has_keras2_calls(config: dict[str, Any]) -> bool:
    return any(isinstance(node, list) for layer in config.get("layers", []) for node in layer.get("inbound_nodes", []))


def _name(layer: dict[str, Any]) -> str:
    return str(layer.get("name") or layer["config"].get("name"))


def _counted_from_0(layer: dict[str, Any], config: dict[str, Any]) -> dict[int, int]:
    """The number of each of a nested model's calls by the one that Keras 2 gave it; none if some are never read."""
    read = sorted({reference[1] for reference in _references(config) if reference[0] == _name(layer)})
    calls = len(layer.get("inbound_nodes", []))
    return {number: place for place, number in enumerate(read)} if len(read) == calls else {}


def _references(part: Any) -> Iterator[list[Any]]:
    """Every ``[name, call, tensor, ..]`` at any depth, but in nested models."""
    if _is_reference(part):
        yield part
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in inside:
        if not (isinstance(value, dict) and "layers" in value):
            yield from _references(value)


def _is_reference(part: Any) -> bool:
    return isinstance(part, list) and len(part) >= 3 and isinstance(part[0], str) and isinstance(part[1], int)


def _shifted(part: Any, calls: dict[str, dict[int, int]]) -> Any:
    """Every reference to a call of one of these layers with the number that it has."""
    if isinstance(part, dict):
        return {key: _shifted(value, calls) for key, value in part.items()}
    if not isinstance(part, list):
        return part
    if _is_reference(part) and part[0] in calls:
        return [part[0], calls[part[0]].get(part[1], part[1]), *part[2:]]
    return [_shifted(value, calls) for value in part]


def _without_dropped(layer: dict[str, Any]) -> dict[str, Any]:
    kind, config = layer.get("class_name"), layer.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict):
        return layer
    dropped = _RANDOM_DROPPED if kind.startswith("Random") else _DROPPED.get(kind, ())
    if "module" in layer and kind != "InputLayer":  # an archive has an InputLayer as well
        dropped = (*dropped, "batch_input_shape")
    return {**layer, "config": {key: value for key, value in config.items() if key not in dropped}}


def _operation(layer: dict[str, Any]) -> dict[str, Any]:
    """A TensorFlow function as the layer that does the same; others stay, and Keras names them."""
    function, nodes = layer["config"].get("function"), layer.get("inbound_nodes", [])
    found = _done_by(function, nodes[0]) if len(nodes) == 1 else None
    if found is None:
        return layer
    kind, config, tensors = found
    name = layer["config"].get("name")
    return {
        "module": "keras.layers", "class_name": kind, "registered_name": None, "name": layer.get("name", name),
        "config": {**config, "name": name}, "inbound_nodes": [tensors],
    }  # fmt: skip


def _done_by(function: Any, node: Any) -> tuple[str, dict[str, Any], list[Any]] | None:
    """The class and configuration of the layer that does what the function does, and the tensors that it takes."""
    if function == "concat" and all(isinstance(part, list) for part in node):
        tensors = [_call(part)[0] for part in node]
        return "Concatenate", {"axis": _call(node[0])[1].get("axis", -1)}, tensors
    tensor, settings = _call(node)
    operand = settings.get("y")
    if isinstance(operand, list) and len(operand) >= 3 and isinstance(operand[0], str):
        right = [*operand[:3], {}]
        if tensor[0] == _LEFT_NUMBER and function in _AFFINE_OF_LEFT and isinstance(tensor[2], (int, float)):
            return "Rescaling", _rescaling(*_AFFINE_OF_LEFT[function](tensor[2])), [right]
        taken = function in _OF_TWO and tensor[0] != _LEFT_NUMBER
        return (_OF_TWO[function], {}, [tensor, right]) if taken else None
    if function in _AFFINE and isinstance(operand, (int, float)):
        return "Rescaling", _rescaling(*_AFFINE[function](operand)), [tensor]
    if function in _ACTIVATIONS:
        return "Activation", {"activation": _ACTIVATIONS[function]}, [tensor]
    if function == "math.reduce_mean" and settings.get("axis") in ([1, 2], [-3, -2]):
        return "GlobalAveragePooling2D", {"keepdims": bool(settings.get("keepdims"))}, [tensor]
    return None


def _rescaling(scale: float, offset: float) -> dict[str, Any]:
    return {"scale": scale, "offset": offset}


def _call(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """The tensor that the function is called on, and its other arguments."""
    tensor = node[0] if isinstance(node[0], list) else node
    return [*tensor[:3], {}], tensor[3] if len(tensor) > 3 else {}
