"""What a foreign model file may declare: checked before memory is taken for it."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError
from cnnedge.formats.budget import check_memory, check_work
from cnnedge.model.graph import Node
from cnnedge.model.graph.read import graph_of, read_graph

if TYPE_CHECKING:
    import keras

# Steps that are traced one by one where it asks for it, a million if it likes; no network for images has them.
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "ConvLSTM2D", "Embedding", "TextVectorization")


def check_config(config: Any) -> None:
    """Refuse what would be calculated, or traced without end, while the network is built.

    Raises:
        ModelError: a layer is made for sequences, or is called on constants alone.
    """
    pending = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            _check_layer(part)
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def _check_layer(part: dict[str, Any]) -> None:
    settings = part.get("config")
    name = part.get("name") or (settings.get("name") if isinstance(settings, dict) else None)
    if part.get("class_name") in RECURRENT:
        raise ModelError(f"has {part['class_name']} {name!r}, made for sequences: expected a network for images")
    for call in part.get("inbound_nodes") or ():
        if isinstance(call, dict) and not _takes_a_tensor(call):
            raise ModelError(f"calls {name!r} on constants alone: no Keras model does")


def _takes_a_tensor(part: Any) -> bool:
    if isinstance(part, dict):
        return part.get("class_name") == "__keras_tensor__" or _takes_a_tensor(list(part.values()))
    return isinstance(part, list) and any(_takes_a_tensor(value) for value in part)


def build_within(make: "Callable[[], keras.Model]", held: int, *, trusted: bool = False) -> "keras.Model":
    """The model that ``make`` builds, whose weights take memory only once they are known to be in the file.

    Args:
        make: builds a network from its configuration.
        held: how many numbers the file holds.
        trusted: layers of the user's own code are among them, which may make their weights in any way, and at once.

    Raises:
        ModelError: the network has more weights than that.
    """
    import keras
    from keras.src.backend.common import global_state, variables

    try:
        with nullcontext() if trusted else keras.StatelessScope(initialize_variables=False):
            model = make()
        declared = sum(math.prod(weight.shape) for weight in model.weights)
        if declared > held:
            raise ModelError(f"declares layers of {declared:,} weights{_largest(model)} and holds {held:,}")
        variables.initialize_all_variables()
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])
    return model


def _largest(model: "keras.Model") -> str:
    weight = max(model.weights, key=lambda weight: math.prod(weight.shape))
    return f" ({weight.path}: {' x '.join(map(str, weight.shape))})"


def check_costs(model: "keras.Model") -> None:
    """Refuse a network that no device could run, before this one is asked to: the limits are those of exported files.

    Raises:
        ModelError: one layer gives more than ``MAX_MEMORY_BYTES``, or multiplies more than ``MAX_WORK`` times.
    """
    batch = graph_of(model).inputs[0].shape[0] or 1
    for node in read_graph(model).nodes:
        name = f"has {node.kind} {node.name[:30]!r}, which"
        check_memory(name, 4 * batch * max(_numbers(wire.shape) for wire in node.outputs))
        check_work(name, _work(node))


def _work(node: Node) -> int:
    """Multiplications with weights, for one image: every place of the output takes each weight once."""
    shape = node.output.shape
    channels = shape[1 if getattr(node.operation, "data_format", None) == "channels_first" else -1]
    weights = sum(math.prod(weight.shape) for weight in getattr(node.operation, "weights", ()))
    return _numbers(shape) // (channels or 1) * weights


def _numbers(shape: tuple[int | None, ...]) -> int:
    return math.prod(side or 1 for side in shape[1:])
