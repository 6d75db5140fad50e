"""The layers of a TFLite file and what each gives."""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.layer_errors.float_layers import WEIGHTED
from cnnedge.convert.layer_errors.trace import Trace, TracedLayer, dequantize, is_arithmetic
from cnnedge.formats.tflite.reader import TFLiteModel
from cnnedge.nativelog import silenced

if TYPE_CHECKING:
    from cnnedge.formats.tflite.reader import Operator

_LAYERS = {
    "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "FULLY_CONNECTED": "Dense",
    "MAX_POOL_2D": "MaxPooling2D", "AVERAGE_POOL_2D": "AveragePooling2D", "MEAN": "GlobalAveragePooling2D",
    "ADD": "Add", "SOFTMAX": "Softmax",
}  # fmt: skip


class TFLiteTrace(Trace):
    """A TFLite file on LiteRT's own kernels: inside a delegate such as XNNPACK there are no tensors to keep."""

    def __init__(self, model: TFLiteModel) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._buffers, self._graph = model.buffers, model.subgraphs[0]
        with silenced():
            self._interpreter = Interpreter(
                model_content=model.content,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
            )
            self._interpreter.allocate_tensors()
        # float16 weights are widened by an operator of their own.
        self._narrow = {op.outputs[0]: op.inputs[0] for op in self._graph.operators if op.name == "DEQUANTIZE"}
        self.layers, self._outputs = [], []
        for number, operator in enumerate(self._graph.operators):
            kind = _LAYERS.get(operator.name)
            if kind and not is_arithmetic(kind, [self._is_constant(index) for index in operator.inputs[:2]]):
                self.layers.append(self._layer(kind, f"operator {number} ({operator.name})", operator))
                self._outputs.append(operator.outputs[0])

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._graph.inputs[0], image)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def _is_constant(self, index: int) -> bool:
        _, length = self._buffers[self._graph.tensors[self._narrow.get(index, index)].buffer]
        return length > 0

    def _layer(self, kind: str, where: str, operator: "Operator") -> TracedLayer:
        quantization = self._graph.tensors[operator.outputs[0]].quantization
        scale, zero_point = (quantization.scale[0], quantization.zero_point[0]) if quantization else (0.0, 0)
        kernel = self._kernel(kind, operator.inputs[1]) if kind in WEIGHTED else None
        return TracedLayer(kind, where, kernel, scale, zero_point)

    def _kernel(self, kind: str, index: int) -> np.ndarray:
        index = self._narrow.get(index, index)
        values, quantization = self._interpreter.get_tensor(index), self._graph.tensors[index].quantization
        if quantization:
            values = dequantize(values, quantization.scale, quantization.zero_point, quantization.axis)
        # From (out, in), or (out, h, w, in), which for a depthwise convolution is (1, h, w, channels).
        return values.astype("float32").transpose((1, 0) if kind == "Dense" else (1, 2, 3, 0))
