"""The facts of an ONNX file.

An int8 ONNX file writes its layers in float between DequantizeLinear and QuantizeLinear; a runtime fuses each
such group into one integer kernel where it has one. So a layer counts as integer when integers flow into it and out of
it, and ONNX Runtime has a kernel for it.
"""

import math

from cnnedge.formats.facts import COMPUTE, Facts, OperatorFacts, TensorFacts
from cnnedge.formats.onnx.reader import Node, OnnxModel, Value
from cnnedge.formats.onnx.shapes import image_and_weights, infer_shapes

_QUANTIZING = {"QuantizeLinear", "DynamicQuantizeLinear"}
_CONVERTING = {*_QUANTIZING, "DequantizeLinear", "Cast"}
_RESHAPING = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"}
# They only move data, and ONNX Runtime draws the dequantization through them (its QDQ propagation; Flatten and
# Concat are not among them: they need a quantization of their own behind them).
_MOVING = {
    "Reshape", "Transpose", "MaxPool", "NhwcMaxPool", "Squeeze", "Unsqueeze", "Slice", "Identity", "Dropout",
}  # fmt: skip
# A runtime fuses these with the layer before them, so that the sum between the two is never stored.
_FUSING = {"Relu", "Clip"}
# What ONNX Runtime makes one integer kernel of (those of 1.32 on its CPU provider; the test asks the installed one),
# and what only moves values, so that its answer is exact whatever it is calculated in.
_FUSED = {
    "Conv", "Gemm", "MatMul", "Add", "Mul", "AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax",
    "Concat", "ReduceMax", "Resize", "Gather", "Flatten", "DepthToSpace", "Tile", "Split",
}  # fmt: skip
_MOVING_EXACTLY = {"Pad", "SpaceToDepth", "Expand", "GlobalMaxPool"}
# Their integer kernels take two of one type, which is uint8 there: a constant of int8, or in float, keeps them from it.
_PAIRS = {"Add", "Mul"}
# Integer by their own definition.
_INTEGER_OPERATORS = {"ConvInteger", "MatMulInteger", "QGemm"}
# A dense layer's integer kernel can also give float; a convolution's cannot.
_FLOAT_OUT = {"Gemm", "MatMul"}
_INTEGERS = {"int8", "uint8"}
_WHOLE_NUMBERS = (6, 7)  # int32 and int64 by their numbers in TensorProto.DataType
_STANDARD = ("", "ai.onnx")


def _is_integer(op: str) -> bool:
    return op.startswith("QLinear") or op in _INTEGER_OPERATORS


def onnx_facts(model: OnnxModel) -> Facts:
    """The facts of an ONNX file, of any tool."""
    return _Reader(model).facts()


class _Reader:
    """Follows the graph's tensors from node to node."""

    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.shapes = infer_shapes(model)
        self.makers = {output: node for node in model.nodes for output in node.outputs}
        self.readers: dict[str, list[Node]] = {}
        for node in model.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)
        self.types = {value.name: value.dtype for value in model.inputs}
        self.types |= {name: constant.dtype for name, constant in model.initializers.items()}
        self.codes = self._code_tensors()
        self.integers = self._integer_tensors()
        self.closed = self._closed_tensors()

    def _code_tensors(self) -> set[str]:
        """Tensors of 8-bit integers: what calculates with nothing else calculates in integers, by ONNX's own types."""
        found = {name for name, dtype in self.types.items() if dtype in _INTEGERS}
        for node in self.model.nodes:
            counted = node.op == "Cast" and node.integer("to") in _WHOLE_NUMBERS and bool(found & set(node.inputs[:1]))
            if counted or node.op in _QUANTIZING or _is_integer(node.op) or self._reads_codes(node, found):
                found.update(node.outputs[:1])
        return found

    def _reads_codes(self, node: Node, codes: set[str]) -> bool:
        values = [name for name in node.inputs if name and (name in codes or not self._is_constant(name))]
        return node.op not in _CONVERTING and bool(values) and codes.issuperset(values)

    def _integer_tensors(self) -> set[str]:
        """Tensors of 8-bit integers, and their exact float images behind a DequantizeLinear."""
        found = set(self.codes)
        for node in self.model.nodes:
            moves_integers = node.op in _MOVING and bool(found & set(node.inputs[:1]))
            if moves_integers or node.op in _CONVERTING - {"Cast"} or _is_integer(node.op):
                found.update(node.outputs)
        return found

    def _closed_tensors(self) -> set[str]:
        """Tensors that are only clipped, moved and quantized, so that a kernel can give them as integers."""
        open_tensors = {value.name for value in self.model.outputs}
        read: set[str] = set()
        for node in reversed(self.model.nodes):
            passes_on = node.op in _FUSING | _MOVING and not open_tensors & set(node.outputs)
            if node.op != "QuantizeLinear" and not (passes_on and read & set(node.outputs)):
                open_tensors.update(node.inputs)
            read.update(node.inputs)
        return read - open_tensors

    def facts(self) -> Facts:
        model = self.model
        return Facts(
            inputs=[_edge(value) for value in model.inputs],
            outputs=[_edge(value) for value in model.outputs],
            operators=self._operators(),
            weight_bytes=self._weight_bytes(),
            free_batch=any(value.shape is not None and value.shape[:1] == (None,) for value in model.inputs),
            free_sizes=[value.name for value in model.inputs if value.shape is None or None in value.shape[1:]],
            output_operator=self._output_operator(),
        )

    def _output_operator(self) -> str | None:
        maker = self.makers.get(self.model.outputs[0].name) if self.model.outputs else None
        while maker is not None and maker.op in _CONVERTING | _RESHAPING and maker.inputs:
            maker = self.makers.get(maker.inputs[0])
        return None if maker is None else maker.op

    def _operators(self) -> list[OperatorFacts]:
        kinds: dict[str, str] = {}
        facts = []
        for node in self.model.nodes:
            kind = self._arithmetic(node, kinds)
            kinds.update(dict.fromkeys(node.outputs, kind))
            facts.append(self._operator(node, kind))
        return facts

    def _operator(self, node: Node, arithmetic: str) -> OperatorFacts:
        weights = None
        if node.op in COMPUTE and len(node.inputs) > image_and_weights(node)[1]:
            weights = self._stored_type(node.inputs[image_and_weights(node)[1]])
        return OperatorFacts(
            op=node.op,
            where=node.outputs[0] if node.outputs else node.name,
            arithmetic=arithmetic,
            weights=weights,
            macs=self._macs(node) if node.op in COMPUTE else 0,
            origin="builtin" if node.domain in _STANDARD else "custom",
            values=self._values(node),
            weight_bytes=sum(map(self._constant_bytes, node.inputs)),
            names=self._names(node),
        )

    def _names(self, node: Node) -> tuple[str, ...]:
        """A node's name, what it writes, and what is left of that where a clip alone reads it and is fused with it."""
        names = [node.name, *node.outputs]
        while len(readers := self.readers.get(names[-1], [])) == 1 and readers[0].op in _FUSING:
            names += readers[0].outputs[:1]
        return tuple(filter(None, names))

    def _values(self, node: Node) -> int | None:
        shapes = [self.shapes.get(name) for name in node.outputs]
        return None if None in shapes else sum(math.prod(shape or ()) for shape in shapes)

    def _constant_bytes(self, name: str) -> int:
        """The bytes of a constant as stored, seen through a DequantizeLinear; 0 for what is none."""
        maker = self.makers.get(name)
        if maker is not None and maker.op == "DequantizeLinear":
            name = maker.inputs[0]
        return self.model.initializers[name].size_bytes if name in self.model.initializers else 0

    def _arithmetic(self, node: Node, kinds: dict[str, str]) -> str:
        """What a node calculates in; ``kinds`` has it for the nodes before, by the tensors they write."""
        if node.op in _CONVERTING or node.op in ("Shape", "Constant"):
            return "none"
        if _is_integer(node.op):
            return "int8"
        if node.op in _FUSING and kinds.get(node.inputs[0]) == "int8":
            return "int8"
        if node.op == "Add" and self._adds_bias(node, kinds):
            return "int8"
        deciding = [name for name in node.inputs if not self._is_side_input(node, name)]
        if not self.integers.issuperset(deciding):
            return "float"
        if node.op in _MOVING | _MOVING_EXACTLY:
            return "none"
        if self._reads_codes(node, self.codes):
            return "int8"
        if node.op not in _FUSED or self._has_a_constant_in_the_way(node):
            return "float"
        return "int8" if node.op in _FLOAT_OUT or self.closed.issuperset(node.outputs[:1]) else "float"

    def _has_a_constant_in_the_way(self, node: Node) -> bool:
        constants = filter(self._is_constant, node.inputs if node.op in _PAIRS else ())
        return any(self._stored_type(name) != "uint8" for name in constants)

    def _adds_bias(self, node: Node, kinds: dict[str, str]) -> bool:
        """Whether a node adds the bias of a dense layer: ONNX Runtime makes one Gemm of a flat MatMul and its Add."""
        for name, other in (node.inputs, node.inputs[::-1]) if len(node.inputs) == 2 else ():
            maker = self.makers.get(name)
            if maker is not None and maker.op == "MatMul" and kinds.get(name) == "int8" and self._is_constant(other):
                return len(self.shapes.get(name) or ()) == 2
        return False

    def _is_side_input(self, node: Node, name: str) -> bool:
        """Whether an input is a bias, shape or limit: a constant that does not decide the kernel's type."""
        is_weights = node.op in COMPUTE and node.inputs[1:2] == (name,)
        return not name or (self._is_constant(name) and not is_weights)

    def _is_constant(self, name: str) -> bool:
        maker = self.makers.get(name)
        if maker is not None and maker.op == "DequantizeLinear":
            name = maker.inputs[0]
        return name in self.model.initializers

    def _stored_type(self, name: str) -> str | None:
        """The type in which weights lie in the file, seen through the nodes that unpack them."""
        maker = self.makers.get(name)
        while maker is not None and maker.op in _CONVERTING | _MOVING and maker.inputs:
            name = maker.inputs[0]
            maker = self.makers.get(name)
        return self.types.get(name)

    def _macs(self, node: Node) -> int | None:
        image_at, weights_at = image_and_weights(node)
        if len(node.inputs) <= weights_at or not node.outputs:
            return None
        image, weights = (self.shapes.get(node.inputs[position]) for position in (image_at, weights_at))
        output = self.shapes.get(node.outputs[0])
        if image is None or weights is None:
            return None
        if node.op == "ConvTranspose":  # IOHW: every input value is spread over the weights of its channel
            return math.prod(image) * math.prod(weights[1:])
        if "Conv" in node.op:  # OIHW: every output pixel takes all weights once
            return None if output is None else output[0] * math.prod(output[2:]) * math.prod(weights)
        return math.prod(image[:-1]) * math.prod(weights)

    def _weight_bytes(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for constant in self.model.initializers.values():
            sums[constant.dtype] = sums.get(constant.dtype, 0) + constant.size_bytes
        return sums


def _edge(value: Value) -> TensorFacts:
    """ONNX states no scale for an input or output, so there is none to show."""
    return TensorFacts(value.name, value.shape, value.dtype)
