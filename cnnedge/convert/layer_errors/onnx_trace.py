"""The layers of an ONNX file and what each gives: float32, or with QuantizeLinear and DequantizeLinear pairs."""

from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.layer_errors.float_layers import FUSING, WEIGHTED
from cnnedge.convert.layer_errors.trace import Trace, TracedLayer, dequantize, is_arithmetic
from cnnedge.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    from onnx import NodeProto

_LAYERS = {
    "Conv": "Conv2D", "MatMul": "Dense", "Gemm": "Dense", "MaxPool": "MaxPooling2D", "AveragePool": "AveragePooling2D",
    "GlobalAveragePool": "GlobalAveragePooling2D", "ReduceMean": "GlobalAveragePooling2D", "Add": "Add",
    "Softmax": "Softmax",
}  # fmt: skip
# ONNX defines these on (N, C, H, W), and these give no axes of an image; the others keep the order they are given.
_CHANNELS_FIRST = ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool")
_IMAGE = 4  # axes
_FLAT = ("Reshape", "Squeeze", "Flatten", "MatMul", "Gemm")


class OnnxTrace(Trace):
    """ONNX content on a session without optimizations, which would fuse the nodes whose outputs are wanted."""

    def __init__(self, content: bytes) -> None:
        if find_spec("onnx") is None:
            raise MissingPackageError("onnx", "build")
        import onnx

        model = onnx.load_from_string(content)
        nodes = model.graph.node
        self._input = model.graph.input[0].name
        self._constants = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
        self._maker = {name: node for node in nodes for name in node.output}
        self._uses = Counter(name for node in nodes for name in node.input)
        self._user = {name: node for node in nodes for name in node.input}
        channels_first = _channels_first(nodes)
        self.layers, self._outputs, self._transposed = [], [], []
        for node in nodes:
            kind = self._kind(node)
            if kind:
                layer, output = self._layer(kind, node)
                self.layers.append(layer)
                self._outputs.append(output)
                self._transposed.append(channels_first[node.output[0]])
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._outputs)
        self._session = _unoptimized(model.SerializeToString())

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        found = self._session.run(self._outputs, {self._input: image})
        return [
            values.transpose(0, 2, 3, 1) if transposed and values.ndim == 4 else values
            for values, transposed in zip(found, self._transposed, strict=True)
        ]

    def _kind(self, node: "NodeProto") -> str | None:
        kind = _LAYERS.get(node.op_type)
        if kind == "Conv2D" and self._is_spread(node.output[0]):
            return None
        if is_arithmetic(kind, [self._constant(name) is not None for name in node.input[:2]]):
            return None
        # A group for every channel: weights (channels, 1, h, w).
        is_depthwise = kind == "Conv2D" and _attribute(node, "group", 1) > 1 and self._weights(node).shape[1] == 1
        return "DepthwiseConv2D" if is_depthwise else kind

    def _layer(self, kind: str, node: "NodeProto") -> tuple[TracedLayer, str]:
        """The layer, and the name of the tensor that holds its output: its codes, where it is quantized."""
        output = node.output[0]
        while kind in FUSING and self._goes_on(output):
            output = self._user[output].output[0]
        kernel = self._kernel(kind, node) if kind in WEIGHTED else None
        where = f"node {node.name or node.output[0]!r} ({node.op_type})"
        user = self._user.get(output)
        if user is None or user.op_type != "QuantizeLinear":
            return TracedLayer(kind, where, kernel, 0.0, 0), output
        scale, zero_point = (self._known(name).item() for name in user.input[1:3])
        return TracedLayer(kind, where, kernel, scale, zero_point), user.output[0]

    def _is_spread(self, name: str) -> bool:
        """Whether a tensor's channels are spread over pixels: it is that of a transposed convolution."""
        while name in self._user and self._user[name].op_type in ("Relu", "Clip", "QuantizeLinear", "Reshape"):
            name = self._user[name].output[0]
        return name in self._user and len(_axes(self._user[name])) > _IMAGE

    def _goes_on(self, output: str) -> bool:
        """Whether the only node behind a tensor still belongs to its layer: an activation or a bias."""
        if self._uses[output] != 1:
            return False
        user = self._user[output]
        is_bias = user.op_type == "Add" and any(self._constant(name) is not None for name in user.input)
        return is_bias or user.op_type in ("Relu", "Clip")

    def _kernel(self, kind: str, node: "NodeProto") -> np.ndarray:
        weights = self._weights(node)
        if kind == "Dense":
            return weights.T if _attribute(node, "transB", 0) else weights
        # From (out, in, h, w), or for a depthwise convolution from (channels, 1, h, w).
        return weights.transpose((2, 3, 1, 0) if kind == "Conv2D" else (2, 3, 0, 1))

    def _weights(self, node: "NodeProto") -> Any:
        """The constant that ``is_arithmetic`` has seen every layer with weights to have."""
        return self._constant(node.input[1])

    def _constant(self, name: str) -> np.ndarray | None:
        """The value of a constant, dequantized; None for what is calculated from the image."""
        if name in self._constants:
            return self._constants[name]
        maker = self._maker.get(name)
        if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] not in self._constants:
            return None
        codes, scale, *zero_point = (self._known(name) for name in maker.input)
        offset = zero_point[0] if zero_point else np.zeros_like(scale)
        return dequantize(codes, scale, offset, _attribute(maker, "axis", 1))

    def _known(self, name: str) -> np.ndarray:
        if name not in self._constants:
            raise ModelError(f"{name!r}, a scale or zero point, is calculated from the image, expected a constant")
        return self._constants[name]


def _channels_first(nodes: "Iterable[NodeProto]") -> dict[str, bool]:
    """By tensor, whether one with four axes is (N, C, H, W).

    What the rules of ``kernels`` look up in a table or spread over pixels (in six axes) has other axes only meanwhile.
    """
    found: dict[str, bool] = {}
    rows: dict[str, bool] = {}  # whether what a reshape was made of is
    back: dict[str, bool] = {}  # whether a reshape of the tensor is again
    for node in nodes:
        given = any(found.get(name, False) for name in node.input)
        if node.op_type == "Transpose":
            first = not given
            back[node.output[0]] = len(_axes(node)) > _IMAGE
        else:
            first = node.op_type in _CHANNELS_FIRST or (given and node.op_type not in _FLAT)
        if node.op_type == "Reshape":
            rows[node.output[0]], first = given, back.get(node.input[0], False)
        if node.op_type == "GatherElements":
            back[node.output[0]] = rows.get(node.input[1], False)
        found.update(dict.fromkeys(node.output, first))
    return found


def _axes(node: "NodeProto") -> list[int]:
    return next((list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"), [])


def _unoptimized(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _attribute(node: "NodeProto", name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)
