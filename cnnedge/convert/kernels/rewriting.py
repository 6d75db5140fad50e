"""The rules of this room applied to a whole graph."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnedge.convert.kernels.bends import from_table
from cnnedge.convert.kernels.clips import on_codes
from cnnedge.convert.kernels.codes import Codes
from cnnedge.convert.kernels.differences import as_sum
from cnnedge.convert.kernels.means import as_pooling
from cnnedge.convert.kernels.places import one_row_each
from cnnedge.convert.kernels.slopes import as_two_parts
from cnnedge.convert.kernels.transposed import as_convolution

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

# A rule takes a QuantizeLinear and gives the nodes that write the same codes, None where it does not apply. In this
# order: a clip that is joined with its layer is then none of its own.
_Rule = Callable[[Codes, "NodeProto"], "list[NodeProto] | None"]
_PASSES: tuple[tuple[_Rule, ...], ...] = (
    (on_codes,), (one_row_each, as_pooling, as_sum, as_convolution, from_table, as_two_parts),
)  # fmt: skip


def with_integer_kernels(model: "ModelProto") -> None:
    """Rewrite an int8 graph in place, see the rules; constants and nodes that nothing reads any more are left out."""
    for rules in _PASSES:
        _apply(model, rules)


def _apply(model: "ModelProto", rules: tuple[_Rule, ...]) -> None:
    from onnx import numpy_helper

    codes, nodes = Codes(model), []
    for node in model.graph.node:
        written = None
        if node.op_type == "QuantizeLinear" and codes.of(node) is not None:
            written = next(filter(None, (rule(codes, node) for rule in rules)), None)
        nodes += [node] if written is None else written
    needed, kept = {output.name for output in model.graph.output}, []
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(reversed(kept))
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in codes.constants.items() if name in needed
    )
