"""A network as a list of steps that rules can rewrite, between reading a Keras model and building the next one.

Keras's own graph hangs on its layers: a layer remembers every call, nested models hide theirs, and nothing can be
moved. Here a layer is one ``Node`` with its arguments, and tensors are ``Wire`` objects known by identity.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cnnedge.model.graph.weights import Weights


@dataclass(eq=False)
class Wire:
    """One tensor of the network; ``shape`` has None for the batch."""

    shape: tuple[int | None, ...]


@dataclass(eq=False)
class Node:
    """One call of one Keras layer or operation.

    Attributes:
        operation: the Keras object whose class, configuration and state the built layer takes.
        args: positional arguments of the call, with Wires where tensors are; ``kwargs`` likewise.
        outputs: what it gives; one Wire for nearly every layer.
        name: of the built layer; unique in the graph.
        inputs: the Wires among the arguments.
        changes: configuration that differs from the operation's own.
        weights: kernel and bias in place of the operation's own state.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[Wire]
    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    weights: Weights | None = None
    inputs: list[Wire] = field(init=False)

    def __post_init__(self) -> None:
        self.connect(self.args, self.kwargs)

    def connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Call with other arguments."""
        self.args, self.kwargs = args, kwargs
        self.inputs = _wires((args, kwargs))

    @property
    def kind(self) -> str:
        return type(self.operation).__name__

    @property
    def output(self) -> Wire:
        return self.outputs[0]

    def setting(self, name: str) -> Any:
        """A value of the built layer's configuration."""
        return self.changes.get(name, getattr(self.operation, name))

    @property
    def activation(self) -> str:
        """The name of the built layer's activation; empty if it is a layer or none at all."""
        value = self.changes.get("activation", getattr(self.operation, "activation", None))
        return value if isinstance(value, str) else getattr(value, "__name__", "")


@dataclass
class Graph:
    """A network of one image and one output; ``nodes`` in an order in which they can be computed."""

    name: str
    image: Wire
    output: Wire
    nodes: list[Node]

    def users(self, wire: Wire) -> list[Node]:
        return [node for node in self.nodes if any(wire is other for other in node.inputs)]

    def only_user(self, wire: Wire) -> Node | None:
        """The one node that reads the wire; None if several do, or the network gives it out."""
        users = self.users(wire)
        return users[0] if len(users) == 1 and wire is not self.output else None

    def source(self, wire: Wire) -> Node | None:
        """The node that gives the wire; None for the image."""
        return next((node for node in self.nodes if any(wire is other for other in node.outputs)), None)

    def replace(self, old: Wire, new: Wire) -> None:
        """Let everything that reads ``old`` read ``new``."""
        for node in self.users(old):
            node.connect(*rewired((node.args, node.kwargs), lambda wire: new if wire is old else wire))
        if self.output is old:
            self.output = new

    def bypass(self, node: Node) -> None:
        """Take a node out: what read its output reads its input."""
        self.nodes.remove(node)
        self.replace(node.output, node.inputs[0])

    def drop_unused(self) -> None:
        """Take out the nodes whose outputs nothing reads."""
        for node in reversed(list(self.nodes)):
            if not any(wire is self.output or self.users(wire) for wire in node.outputs):
                self.nodes.remove(node)

    def insert_after(self, node: Node, operation: Any, name: str) -> Node:
        """Put a layer of one input and the same shape behind a node; what read the node's output reads the layer's."""
        wire = Wire(node.output.shape)
        self.replace(node.output, wire)
        placed = Node(operation, (node.output,), {}, [wire], self.free_name(name))
        self.nodes.insert(self.nodes.index(node) + 1, placed)
        return placed

    def append(self, operation: Any, name: str, shape: tuple[int | None, ...]) -> Node:
        """Put a layer behind the output."""
        placed = Node(operation, (self.output,), {}, [Wire(shape)], self.free_name(name))
        self.nodes.append(placed)
        self.output = placed.output
        return placed

    def prepend(self, operation: Any, name: str, shape: tuple[int | None, ...]) -> Node:
        """Put a layer before everything that reads the image; the new image has ``shape``."""
        image = Wire(shape)
        placed = Node(operation, (image,), {}, [self.image], self.free_name(name))
        self.nodes.insert(0, placed)
        self.image = image
        return placed

    def free_name(self, wanted: str) -> str:
        taken = {node.name for node in self.nodes}
        numbered = (f"{wanted}_{number}" for number in itertools.count(1))
        return next(name for name in itertools.chain([wanted], numbered) if name not in taken)


def rewired(structure: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure of arguments with every Wire changed."""
    import keras

    return keras.tree.map_structure(lambda leaf: change(leaf) if isinstance(leaf, Wire) else leaf, structure)


def _wires(structure: Any) -> list[Wire]:
    import keras

    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, Wire)]
