"""A Keras model's graph, as Keras sees it: every call of every layer and operation, nested models opened."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError
from cnnedge.model.graph import Graph, Node, Wire
from cnnedge.model.signature import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    import keras

# Names that a built model or an exported file uses for its own: a layer of that name gets a number behind it.
_OURS = (INPUT_NAME, OUTPUT_NAME, "logits", "groups")


def read_graph(model: "keras.Model") -> Graph:
    """The graph of a model of one input and one output.

    A layer that is called several times stands once for every call. A model that is no graph (subclassed) is one node.

    Raises:
        ModelError: a Sequential that was never built.
    """
    reader = _Reader()
    shape = tuple(graph_of(model).inputs[0].shape)
    image = Wire((None, *shape[1:]))
    output = reader.open(model, [image])[0]
    return Graph(model.name, image, output, reader.nodes)


def graph_of(model: "keras.Model") -> Any:
    """The functional graph of a model; for a Sequential that is the one inside it.

    Raises:
        ModelError: it was never built: it has no weights.
    """
    import keras

    if not isinstance(model, keras.Sequential):
        return model
    if model._functional is None:
        raise ModelError(f"{model.name} was never built, so that it has no weights: call it once, train it, save it")
    return model._functional


class _Reader:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.names: set[str] = set(_OURS)

    def open(self, model: "keras.Model", inputs: list[Wire]) -> list[Wire]:
        """Add the nodes of a model that is fed with ``inputs``; returns what it gives."""
        graph = graph_of(model)
        known: dict[int, Wire] = {id(t): w for t, w in zip(graph.inputs, inputs, strict=True)}
        for call in _calls(graph):
            args, kwargs = call.arguments.fill_in(known)
            given = self._place(call, args, _without_training(kwargs))
            known.update((id(t), w) for t, w in zip(call.outputs, given, strict=True))
        return [known[id(tensor)] for tensor in graph.outputs]

    def _place(self, call: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Wire]:
        import keras

        operation = call.operation
        if isinstance(operation, (keras.Sequential, keras.src.models.Functional)):
            wires = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Wire)]
            return self.open(operation, wires)
        outputs = [Wire((None, *tensor.shape[1:])) for tensor in call.outputs]
        self.nodes.append(Node(operation, args, kwargs, outputs, self._unique(operation.name)))
        return outputs

    def _unique(self, name: str) -> str:
        found = name
        number = 0
        while found in self.names:
            number += 1
            found = f"{name}_{number}"
        self.names.add(found)
        return found


def _calls(graph: Any) -> Iterator[Any]:
    """The calls of a functional graph in an order in which they can be computed."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for call in graph._nodes_by_depth[depth]:
            if not call.is_input:
                yield call


def _without_training(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keras too puts its own ``training=False`` in place of what a layer was called with, when it predicts."""
    return {name: value for name, value in kwargs.items() if name != "training" and value is not None}
