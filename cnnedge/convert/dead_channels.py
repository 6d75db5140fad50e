"""An int16x8 TFLite file whose channels without weights have a scale.

Where all weights of a channel are 0, as of the first of the two classes that one sigmoid unit becomes, the converter
writes the scale 0 for them and for their bias. Then no code stands for anything, and kernels divide by it.
"""

from typing import Any

import numpy as np

_WEIGHTED = ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D")


def with_live_scales(content: bytes) -> bytes:
    """The same function: a channel of weights and bias with the scale 0, whose codes are all 0, has the scale 1."""
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph, changed = model.subgraphs[0], False
    kinds = {getattr(schema.BuiltinOperator, name) for name in _WEIGHTED}
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode not in kinds:
            continue
        taken, weights, *bias = (graph.tensors[index] for index in operator.inputs if index >= 0)
        dead = _dead(model, weights)
        if not dead.any() or any(_codes(model, one)[dead].any() for one in bias):
            continue
        weights.quantization.scale = np.where(dead, np.float32(1), weights.quantization.scale)
        for one in bias:
            one.quantization.scale = np.where(dead, taken.quantization.scale[0], one.quantization.scale)
        changed = True
    return written_aligned(model) if changed else content


def _dead(model: Any, weights: Any) -> np.ndarray:
    """By channel, whether it has the scale 0 and no weight."""
    scale = weights.quantization.scale if weights.quantization is not None else None
    if scale is None or len(scale) < 2:
        return np.zeros(1, bool)
    codes = np.moveaxis(_codes(model, weights), weights.quantization.quantizedDimension, 0).reshape(len(scale), -1)
    return np.asarray((scale == 0) & ~codes.any(axis=1))


def _codes(model: Any, tensor: Any) -> np.ndarray:
    from ai_edge_litert.schema_py_generated import TensorType

    kinds = {TensorType.INT8: "i1", TensorType.INT32: "<i4", TensorType.INT64: "<i8"}
    data = bytes(bytearray(model.buffers[tensor.buffer].data))
    return np.frombuffer(data, kinds[tensor.type]).reshape(tensor.shape)
