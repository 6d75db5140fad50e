"""int16 activations with sums of 32 bits, only where no sum can overflow.

With 64-bit biases LiteRT takes reference kernels: 43 ms an image against 1.2 ms for the cifar10 network, measured on
one x86 core. With 32-bit ones it adds in 32 bits and wraps around in silence: a dense layer behind a Flatten of 160 px
lost 52 points. So each layer keeps its 32-bit bias only if its own weights prove that it may; the others get 64 bits.

For every output channel, a code of the input being at most 32767: ``32767 * sum |w| + |bias| < 2**31``. Behind a ReLU
no input is negative, and positive and negative weights pull in opposite directions: the larger of their sums counts.
"""

import copy
from typing import Any

import numpy as np

LARGEST_CODE = 2**15 - 1
LIMIT = 2**31
# By operator: the axis of the output channels in its weights. A depthwise kernel knows 64-bit biases only.
_AXIS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_DEPTHWISE = "DEPTHWISE_CONV_2D"
# Weights and bias among the inputs; TRANSPOSE_CONV begins with the output's shape.
_INPUTS = {"TRANSPOSE_CONV": (2, 1, 3)}
# What gives values that are never negative when its input's are not.
_KEEPS_SIGN = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE", "MEAN", "QUANTIZE", "CONCATENATION", "TRANSPOSE", "RELU")
_RELUS = (1, 3)  # RELU and RELU6 of the schema's ActivationFunctionType


def with_safe_sums(content: bytes) -> bytes:
    """The int16x8 file of ``content``, in which every layer has 32-bit biases, with 64-bit ones where those could wrap.

    Raises:
        OverflowError: a bias lies at the end of 32 bits, where the converter has cut it off.
    """
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = _Graph(model)
    wide = [operator for operator in graph.operators if not graph.is_safe(operator)]
    for operator in wide:
        graph.widen(operator)
    return written_aligned(model) if wide else content


class _Graph:
    """The main graph of a TFLite file, asked by operator."""

    def __init__(self, model: Any) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        self.operators = self.graph.operators
        self.producer = {index: operator for operator in self.operators for index in operator.outputs}

    def name(self, operator: Any) -> str:
        from ai_edge_litert.schema_py_generated import BuiltinOperator

        code = self.model.operatorCodes[operator.opcodeIndex].builtinCode
        return next(name for name, value in vars(BuiltinOperator).items() if value == code)

    def values(self, index: int, dtype: str) -> np.ndarray:
        tensor = self.graph.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        return np.frombuffer(bytes(bytearray(data)), dtype).reshape(tensor.shape)

    def bias_of(self, operator: Any) -> int | None:
        """The tensor of an operator's 32-bit bias."""
        from ai_edge_litert.schema_py_generated import TensorType

        name = self.name(operator)
        place = _INPUTS.get(name, (0, 1, 2))[2]
        if name not in (*_AXIS, _DEPTHWISE) or len(operator.inputs) <= place or operator.inputs[place] < 0:
            return None
        index = int(operator.inputs[place])
        return index if self.graph.tensors[index].type == TensorType.INT32 else None

    def is_safe(self, operator: Any) -> bool:
        bias = self.bias_of(operator)
        if bias is None:
            return True
        if self.name(operator) == _DEPTHWISE:
            return False
        source, weights, _ = _INPUTS.get(self.name(operator), (0, 1, 2))
        codes = self.values(int(operator.inputs[weights]), "int8").astype(np.int64)
        codes = np.moveaxis(codes, _AXIS[self.name(operator)], 0).reshape(codes.shape[_AXIS[self.name(operator)]], -1)
        up, down = np.maximum(codes, 0).sum(1), np.maximum(-codes, 0).sum(1)
        pull = np.maximum(up, down) if self.never_negative(int(operator.inputs[source])) else up + down
        offsets = np.abs(self.values(bias, "<i4").astype(np.int64))
        if offsets.max(initial=0) >= LIMIT - 1:
            raise OverflowError("a bias does not fit into 32 bits")
        return bool(np.all(LARGEST_CODE * pull + offsets < LIMIT))

    def never_negative(self, index: int) -> bool:
        """Whether the image, or what lies behind a ReLU."""
        operator = self.producer.get(index)
        if operator is None:
            return index in self.graph.inputs
        if getattr(operator.builtinOptions, "fusedActivationFunction", 0) in _RELUS or self.name(operator) == "RELU6":
            return True
        return self.name(operator) in _KEEPS_SIGN and (
            self.name(operator) == "RELU" or all(self.never_negative(int(i)) for i in self._data_inputs(operator))
        )

    def _data_inputs(self, operator: Any) -> list[int]:
        return list(operator.inputs) if self.name(operator) == "CONCATENATION" else list(operator.inputs[:1])

    def widen(self, operator: Any) -> None:
        """Give an operator the same bias in 64 bits: a tensor of its own, since others that keep 32 may share it."""
        from ai_edge_litert import schema_py_generated as schema

        index = self.bias_of(operator)
        if index is None:
            return
        if hasattr(operator.builtinOptions, "quantizedBiasType"):
            operator.builtinOptions.quantizedBiasType = schema.TensorType.INT64
        buffer, tensor = schema.BufferT(), copy.copy(self.graph.tensors[index])
        buffer.data = np.frombuffer(self.values(index, "<i4").astype("<i8").tobytes(), np.uint8)
        tensor.buffer, tensor.type = len(self.model.buffers), schema.TensorType.INT64
        operator.inputs = [len(self.graph.tensors) if place == index else place for place in operator.inputs]
        self.graph.tensors.append(tensor)
        self.model.buffers.append(buffer)
