"""An int8 graph seen from what it stores: 8-bit codes, and the float operators between two of them.

Between a DequantizeLinear and the QuantizeLinear behind it an operator has only what is stored before and after to keep
to; whatever gives the same codes may stand in its place. ``Codes`` answers what the rules of this room ask.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

CLIPS = ("Relu", "Clip")


@dataclass(frozen=True)
class Stored:
    """A tensor of uint8 codes with one scale: its name and the names of its scale and zero point."""

    name: str
    scale: str
    zero_point: str


class Codes:
    """A graph with uint8 activations (see ``integer_graph``), with lookups by tensor name."""

    def __init__(self, model: "ModelProto") -> None:
        from onnx import numpy_helper

        self.model = model
        self.constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
        self.maker: dict[str, NodeProto] = {name: node for node in model.graph.node for name in node.output}
        self.users: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        from onnx import shape_inference

        graph = shape_inference.infer_shapes(self.model).graph
        values = (*graph.value_info, *graph.input, *graph.output)
        return {value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim) for value in values}

    def shape(self, name: str) -> tuple[int, ...] | None:
        """(batch 0, ...): the sizes of what is calculated; None if one besides the batch is not known."""
        sizes = self._shapes.get(name)
        return (0, *sizes[1:]) if sizes and 0 not in sizes[1:] else None

    def is_constant(self, name: str) -> bool:
        return self.constant(name) is not None

    def constant(self, name: str) -> np.ndarray | None:
        """The codes or floats of a constant, seen through a DequantizeLinear."""
        maker = self.maker.get(name)
        if maker is not None and maker.op_type == "DequantizeLinear":
            name = maker.input[0]
        return self.constants.get(name)

    def real(self, name: str) -> np.ndarray | None:
        """The values of a constant; None if ``name`` is none, or one with several scales."""
        found = self.constants.get(name)
        if found is not None:
            return found if found.dtype == np.float32 else None
        stored = self.stored(name)
        if stored is None or stored.name not in self.constants:
            return None
        return (self.constants[stored.name] - self.value(stored.zero_point)) * self.value(stored.scale)

    def stored(self, name: str) -> Stored | None:
        """The codes that ``name`` is the value of; None if they have several scales, or are none of 8 bits."""
        return self.of(self.maker.get(name))

    def of(self, quantizer: "NodeProto | None") -> Stored | None:
        """What a DequantizeLinear reads, or a QuantizeLinear writes."""
        if quantizer is None or quantizer.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            return None
        scale, zero_point = (self.constants.get(name) for name in (*quantizer.input[1:3], "", "")[:2])
        if scale is None or scale.size != 1 or zero_point is None or zero_point.dtype != np.uint8:
            return None
        name = (quantizer.input if quantizer.op_type == "DequantizeLinear" else quantizer.output)[0]
        return Stored(name, *quantizer.input[1:3])

    def value(self, name: str) -> float:
        """A scale or zero point."""
        return float(self.constants[name].reshape(()))

    def alone(self, name: str) -> "NodeProto | None":
        """The node that writes ``name``, if one node reads it."""
        return self.maker.get(name) if len(self.users.get(name, [])) == 1 else None

    def behind_clip(self, name: str) -> "tuple[NodeProto | None, list[NodeProto]]":
        """The node whose output reaches ``name``, read by nothing else, and the clip between the two, if any."""
        node = self.alone(name)
        if node is not None and node.op_type in CLIPS:
            return self.alone(node.input[0]), [node]
        return node, []

    def add(self, name: str, value: "np.ndarray | np.generic") -> str:
        self.constants[name] = np.asarray(value)
        return name

    def sizes(self, name: str, sizes: "tuple[int, ...] | list[int]") -> str:
        """A constant of int64 sizes or axes."""
        return self.add(name, np.array(sizes, "int64"))
