"""The int8 graph of tf2onnx rewritten for ONNX Runtime's integer kernels; ``to_onnx`` says into what shape."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.qat.grid import WEIGHT_LEVELS
from cnnedge.errors import ConversionError
from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

# The operators whose second input is a weight that multiplies pairs of activations.
WEIGHTED = ("Conv", "ConvTranspose", "MatMul", "Gemm")
# What a constant passes through and keeps its codes.
_MOVING = ("Transpose", "Reshape", "Squeeze", "Unsqueeze")
_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_FLOAT = 1  # onnx.TensorProto.FLOAT


class IntegerGraph:
    """The rewriting of one QDQ graph, with lookups kept by tensor name; ``weight_bits`` 7 or 8."""

    def __init__(self, graph: "GraphProto", weight_bits: int = 7) -> None:
        from onnx import numpy_helper

        self.graph, self.weight_bits = graph, weight_bits
        self.constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        self.producer: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def rewrite(self) -> None:
        for node in list(self.graph.node):
            if node.op_type in _QUANTIZERS and len(node.input) == 3:
                self._rewrite_quantizer(node)
        self._drop_input_recentring()
        self._end_in_float()
        self._prune()

    def _rewrite_quantizer(self, node: "NodeProto") -> None:
        """Codes of weights become 7-bit; all others, of activations and of constants that are no weights, uint8."""
        zero_point = self.constants[node.input[2]]
        if zero_point.dtype != np.int8:
            return
        layers = list(self._layers_of(node))
        if layers and not zero_point.any():
            if self.weight_bits < 8:
                self._to_seven_bits(node, layers)
            return
        if node.input[0] in self.constants:
            codes = self.constants[node.input[0]].astype("int32") + 128
            node.input[0] = self._add(f"{node.output[0]}_codes", codes.astype("uint8"))
        shifted = (zero_point.astype("int32") + 128).astype("uint8")
        node.input[2] = self._add(f"{node.output[0]}_zero_point", shifted)

    def _layers_of(self, node: "NodeProto") -> "Iterator[NodeProto]":
        """The convolutions and dense layers that have this constant as their weight; none for anything else."""
        if node.input[0] in self.constants:
            yield from self._weighted_users(node.output[0])

    def _weighted_users(self, name: str) -> "Iterator[NodeProto]":
        for user in self.users.get(name, []):
            if user.op_type in _MOVING:
                yield from self._weighted_users(user.output[0])
            elif user.op_type in WEIGHTED and user.input[1] == name:
                yield user

    def _to_seven_bits(self, node: "NodeProto", layers: "list[NodeProto]") -> None:
        """Weights q * s, q in -127..127, become p * t, p in -63..63; exact when every q is even (QAT)."""
        codes = self.constants[node.input[0]].astype("int32")
        scale = self.constants[node.input[1]].astype("float64")
        # 126/63 = 2 exactly for QAT's even codes; 127/63 for codes that fill the whole range.
        top = 126 if np.all(codes % 2 == 0) else 127
        factor = top / WEIGHT_LEVELS
        reduced = np.clip(np.round(codes / factor), -WEIGHT_LEVELS, WEIGHT_LEVELS)
        node.input[0] = self._add(f"{node.output[0]}_codes", reduced.astype("int8"))
        node.input[1] = self._add(f"{node.output[0]}_scale", (scale * factor).astype("float32"))
        for layer in layers:
            self._rescale_bias(layer, factor)

    def _rescale_bias(self, layer: "NodeProto", factor: float) -> None:
        """The bias's scale is input scale x weight scale; it follows the weight's."""
        bias = self._bias_of(layer)
        if bias is None:
            return
        codes, scale = (self.constants[name] for name in bias.input[:2])
        bias.input[0] = self._add(f"{bias.output[0]}_codes", np.round(codes / factor).astype("int32"))
        bias.input[1] = self._add(f"{bias.output[0]}_scale", (scale * np.float64(factor)).astype("float32"))
        del bias.input[2:]

    def _bias_of(self, layer: "NodeProto") -> "NodeProto | None":
        """What dequantizes a layer's 32-bit bias: of its third input, or of the sum behind a product of matrices."""
        following = self.users.get(layer.output[0], [])
        names = list(layer.input[2:])
        if layer.op_type == "MatMul" and len(following) == 1 and following[0].op_type == "Add":
            names = list(following[0].input)
        for node in (self.producer.get(name) for name in names):
            codes = node is not None and node.op_type == "DequantizeLinear" and self.constants.get(node.input[0])
            if isinstance(codes, np.ndarray) and codes.dtype == np.int32:
                return node
        return None

    def _drop_input_recentring(self) -> None:
        """uint8 -> float -> uint8 at scale 1 is the image itself."""
        dequantize = self.users[INPUT_NAME][0]
        quantize = self.users[dequantize.output[0]][0]
        ends = [self.constants[name] for node in (dequantize, quantize) for name in node.input[1:3]]
        if quantize.op_type != "QuantizeLinear" or [float(end) for end in ends] != [1.0, 0.0, 1.0, 0.0]:
            raise ConversionError(
                "the int8 TFLite file does not take raw pixels at scale 1: convert it with uint8 input"
            )
        for node in self.graph.node:
            node.input[:] = [INPUT_NAME if name == quantize.output[0] else name for name in node.input]

    def _end_in_float(self) -> None:
        """The probabilities as the last operator gives them: what quantizes them again is left out."""
        output = self.graph.output[0]
        last = self.producer[output.name]
        last.output[0] = "quantized_probabilities"  # nothing uses it any more
        while last.op_type in _QUANTIZERS:
            last = self.producer[last.input[0]]
        given = last.output[0]
        for node in self.graph.node:
            node.input[:] = [OUTPUT_NAME if name == given else name for name in node.input]
        last.output[0] = output.name = OUTPUT_NAME
        output.type.tensor_type.elem_type = _FLOAT

    def _prune(self) -> None:
        """Keep only what the output needs, and only the constants that are used."""
        from onnx import numpy_helper

        needed, kept = {OUTPUT_NAME}, []
        for node in reversed(self.graph.node):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        del self.graph.node[:]
        self.graph.node.extend(reversed(kept))
        del self.graph.initializer[:]
        self.graph.initializer.extend(
            numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in needed
        )

    def _add(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name
