"""TensorFlow's operators as Keras layers: the graph of one program, operator by operator."""

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.readers.nodes import data_of, is_tensor, source_of
from cnnedge.model.readers.rules import RULES

if TYPE_CHECKING:
    import keras

# They hand on what they take.
_PASSING = (
    "ReadVariableOp", "Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot",
)  # fmt: skip


@dataclass(frozen=True)
class Program:
    """``graph``: a GraphDef, its functions opened. ``image``, ``output``: its tensors. ``known``: the values of its
    variables, by the name of the placeholder through which they come in."""

    graph: Any
    image: Any
    output: Any
    known: dict[str, np.ndarray]


class OperatorReader:
    """Rebuilds a graph; ``values`` has what every operator gives: a Keras tensor, or a constant."""

    def __init__(self, program: Program) -> None:
        self.image, self.output = program.image, program.output
        self.nodes = {node.name: node for node in program.graph.node}
        self.functions = {function.signature.name: function for function in program.graph.library.function}
        self.uses = Counter(name.split(":")[0] for node in program.graph.node for name in node.input)
        self.values: dict[str, Any] = dict(program.known)
        # The layers whose bias is still zero, by the operator that they stand for.
        self.without_bias: dict[str, Any] = {}
        self.names: set[str] = set()

    def model(self) -> "keras.Model":
        """The functional model from the image to the output.

        Raises:
            ModelError: there is no rule for an operator, or for the way in which it is used; names it.
        """
        import keras

        self._refuse_random()
        image = keras.Input(self.image.shape[1:])
        self.values[self.image.op.name] = image
        return keras.Model(image, self.value(self.output.op.name))

    def _refuse_random(self) -> None:
        pending, seen = [self.output.op.name], {self.output.op.name}
        while pending:
            node = self.nodes[pending.pop()]
            if "Random" in node.op:
                # .../random_flip/stateless_random_uniform/StatelessRandomUniformV2: a layer, an operation, its operator
                layer = node.name.split("/")[-3:][0]
                raise ModelError(
                    f"gives random answers ({layer}): it was exported with its augmentation at work; save the model "
                    "itself with model.save('model.keras')"
                )
            before = {name.split(":")[0] for name in data_of(node)} - seen
            seen |= before
            pending += before

    def value(self, name: str) -> Any:
        """What an operator gives, from those before it; without recursion, since networks are deep."""
        pending = [name]
        while pending:
            node = self.nodes[pending[-1]]
            missing = [source_of(part) for part in data_of(node) if source_of(part) not in self.values]
            if missing:
                pending += missing
                continue
            pending.pop()
            if node.name not in self.values:
                self.values[node.name] = self._made(node, [self.values[source_of(part)] for part in data_of(node)])
        return self.values[name]

    def _made(self, node: Any, given: list[Any]) -> Any:
        if node.op in _PASSING:
            return given[0]
        if node.op == "Shape":
            return np.array([1, *given[0].shape[1:]], "int32")
        if not any(is_tensor(value) for value in given):
            return _evaluated(node, given)
        if node.attr["data_format"].s not in (b"", b"NHWC"):
            raise ModelError(f"has {node.op} {node.name!r} with channels first, expected channels last")
        rule = RULES.get(node.op)
        if rule is None:
            raise ModelError(
                f"has the operator {node.op} ({node.name}), for which no layer stands here: save the model itself "
                "with model.save('model.keras')"
            )
        return rule(self, node, *given)

    def layer(self, node: Any, kind: str, *inputs: Any, weights: list[np.ndarray] | None = None, **config: Any) -> Any:
        """Call a new layer, named after the scope of the operator."""
        import keras

        scope = node.name.split("/")[-2] if "/" in node.name else node.name
        made = getattr(keras.layers, kind)(name=self._free_name(scope), **config)
        given = made(inputs[0] if len(inputs) == 1 else list(inputs))
        if weights is not None:
            made.set_weights(weights)
        if config.get("use_bias"):
            self.without_bias[node.name] = made
        return given

    def _free_name(self, scope: str) -> str:
        """The scope's name, or that with a number; a scope may itself end in one."""
        numbered = (f"{scope}_{number}" for number in itertools.count(1))
        found = next(name for name in itertools.chain([scope], numbered) if name not in self.names)
        self.names.add(found)
        return found


def _evaluated(node: Any, given: list[np.ndarray]) -> np.ndarray:
    """What an operator gives that depends on no image, calculated by TensorFlow."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        constants = [tf.constant(value, name=f"given_{index}") for index, value in enumerate(given)]
        alone = tf.compat.v1.GraphDef(node=[node])
        del alone.node[0].input[:]
        alone.node[0].input.extend(f"given_{index}:0" for index in range(len(given)))
        named = {f"given_{index}:0": constant for index, constant in enumerate(constants)}
        return session.run(tf.import_graph_def(alone, input_map=named, return_elements=[f"{node.name}:0"])[0])
