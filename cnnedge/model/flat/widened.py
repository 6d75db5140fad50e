"""A transposed convolution with dilation or output padding is one with a larger kernel, zero in between and behind.

TFLite has no operator for the dilated one, nor TensorFlow on most CPUs; and ONNX no negative padding, which tf2onnx
writes where the output is larger than what the kernel reaches.
"""

from typing import Any

import numpy as np

from cnnedge.model.graph import Graph, Node
from cnnedge.model.graph.weights import read_weights


def is_dilated(layer: Any) -> bool:
    """Whether it is a transposed convolution of pictures with dilation."""
    return type(layer).__name__ == "Conv2DTranspose" and max(layer.dilation_rate) > 1


def widen_dilated(graph: Graph) -> None:
    """Give each Conv2DTranspose with dilation the larger kernel, where weights have not been taken."""
    for node in graph.nodes:
        if is_dilated(node.operation) and node.setting("data_format") == "channels_last":
            node.weights = read_weights(node.operation)
            node.changes["use_bias"] = True
    widen_transposed(graph)


def widen_transposed(graph: Graph) -> None:
    """Give each such Conv2DTranspose the larger kernel; its weights must have been taken."""
    for node in graph.nodes:
        if node.kind == "Conv2DTranspose" and node.weights is not None:
            _widen(node)


def _widen(node: Node) -> None:
    layer, weights = node.operation, node.weights
    reach = [(size - 1) * step + 1 for size, step in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    sizes = [size + more for size, more in zip(reach, _beyond(layer, reach), strict=True)]
    if weights is None or sizes == list(layer.kernel_size):
        return
    kernel = np.zeros((*sizes, *weights.kernel.shape[2:]))
    kernel[tuple(slice(0, end, step) for end, step in zip(reach, layer.dilation_rate, strict=True))] = weights.kernel
    weights.kernel = kernel
    node.changes |= {"kernel_size": tuple(sizes), "dilation_rate": 1}
    if layer.padding == "valid":
        node.changes["output_padding"] = 0  # it is in the kernel


def _beyond(layer: Any, reach: list[int]) -> list[int]:
    """How many rows and columns of a whole output lie behind the last that the kernel reaches."""
    if layer.output_padding is None:  # Keras leaves no stride without an output
        return [max(stride - size, 0) for stride, size in zip(layer.strides, reach, strict=True)]
    if layer.padding != "valid":
        return [0, 0]
    padding = layer.output_padding
    return [padding, padding] if isinstance(padding, int) else list(padding)
