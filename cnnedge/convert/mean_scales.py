"""A quantized TFLite file whose means have no finer steps than they can have.

A mean of n codes moves in steps of the input's step over n. Where what is averaged has been centred before, as a layer
normalization behind another one, its mean is next to 0 on all calibration images: the converter then gives it a scale
a million times smaller, codes that hold nothing, and a multiplier that no kernel has.
"""

from typing import Any

import numpy as np

from cnnedge.formats.tflite.writer import is_one_of, written_aligned

# What gives its input's codes in another shape, so that both have one scale.
_RESHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def with_fair_means(content: bytes) -> bytes:
    """The same file; a mean's scale is at least its input's over the number of values that are averaged."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph, changed = model.subgraphs[0], False
    for operator in graph.operators:
        if not is_one_of(model, operator, "MEAN"):
            continue
        taken, given = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
        if not (_has_scale(taken) and _has_scale(given)):
            continue
        finest = taken.quantization.scale[0] * np.prod(given.shape) / np.prod(taken.shape)
        if given.quantization.scale[0] < finest:
            for tensor in _in_any_shape(model, graph, int(operator.outputs[0])):
                tensor.quantization.scale = np.array([finest], "float32")
            changed = True
    return written_aligned(model) if changed else content


def _has_scale(tensor: Any) -> bool:
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    return scale is not None and len(scale) == 1 and scale[0] > 0


def _in_any_shape(model: Any, graph: Any, index: int) -> list[Any]:
    """The tensor, and those that hold its codes in other shapes."""
    found = [graph.tensors[index]]
    for operator in graph.operators:
        if operator.inputs[0] == index and is_one_of(model, operator, *_RESHAPING):
            found += _in_any_shape(model, graph, int(operator.outputs[0]))
    return found
