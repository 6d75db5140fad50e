"""Operators of TFLite that tf2onnx has no rule for, written out in ONNX's own."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ConversionError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

PREFIX = "TFL_"


def write_out(graph: "GraphProto") -> None:
    """Replace what tf2onnx has left of TFLite's operators.

    Raises:
        ConversionError: there is no rule for one here either; names it.
    """
    for node in [node for node in graph.node if node.op_type.startswith(PREFIX)]:
        if node.op_type not in _WRITTEN:
            raise ConversionError(
                f"ONNX has no operator for {node.op_type.removeprefix(PREFIX)}: export to TFLite alone"
            )
        place = list(graph.node).index(node)
        graph.node.remove(node)
        for offset, new in enumerate(_WRITTEN[node.op_type](node, graph)):
            graph.node.insert(place + offset, new)


def _gelu(node: "NodeProto", graph: "GraphProto") -> "list[NodeProto]":
    """x * (1 + erf(x / sqrt 2)) / 2, or with tanh (sqrt(2 / pi) * (x + 0.044715 x ** 3)) for erf.

    Gaussian Error Linear Units, Hendrycks and Gimpel, arXiv 1606.08415.
    """
    from onnx import helper

    x, end = node.input[0], node.output[0]
    approximate = any(attribute.name == "approximate" and attribute.i for attribute in node.attribute)

    def constant(name: str, value: float) -> str:
        return _constant(graph, f"{end}_{name}", value)

    def make(kind: str, *inputs: str, to: str) -> "NodeProto":
        return helper.make_node(kind, list(inputs), [to if to == end else f"{end}_{to}"])

    def erf() -> "list[NodeProto]":
        return [make("Mul", x, constant("scale", float(np.sqrt(0.5))), to="inner")]

    def tanh() -> "list[NodeProto]":
        return [
            make("Mul", x, x, to="square"),
            make("Mul", f"{end}_square", constant("cubic", 0.044715), to="cubed"),
            make("Add", f"{end}_cubed", constant("one_inside", 1.0), to="factor"),
            make("Mul", x, f"{end}_factor", to="sum"),
            make("Mul", f"{end}_sum", constant("scale", float(np.sqrt(2 / np.pi))), to="inner"),
        ]

    return [
        *(tanh() if approximate else erf()),
        make("Tanh" if approximate else "Erf", f"{end}_inner", to="bent"),
        make("Add", f"{end}_bent", constant("one", 1.0), to="gate"),
        make("Mul", x, f"{end}_gate", to="double"),
        make("Mul", f"{end}_double", constant("half", 0.5), to=end),
    ]


def _clip(node: "NodeProto", graph: "GraphProto", low: float, high: float) -> "list[NodeProto]":
    from onnx import helper

    ends = [_constant(graph, f"{node.output[0]}_{name}", value) for name, value in (("low", low), ("high", high))]
    return [helper.make_node("Clip", [node.input[0], *ends], [node.output[0]])]


_WRITTEN: dict[str, Callable[["NodeProto", "GraphProto"], "list[NodeProto]"]] = {
    "TFL_GELU": _gelu,
    "TFL_RELU_N1_TO_1": partial(_clip, low=-1.0, high=1.0),
    "TFL_RELU_0_TO_1": partial(_clip, low=0.0, high=1.0),
}


def _constant(graph: "GraphProto", name: str, value: float) -> str:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    return name
