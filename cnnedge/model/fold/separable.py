"""A separable convolution becomes the two that it is: depthwise, then 1 x 1."""

import numpy as np

from cnnedge.model.graph import Graph, Node, Wire
from cnnedge.model.graph.weights import Weights


def split_separable(graph: Graph) -> None:
    """Replace each SeparableConv2D by DepthwiseConv2D and Conv2D."""
    for node in [node for node in graph.nodes if node.kind == "SeparableConv2D"]:
        _split(graph, node)


def _split(graph: Graph, node: Node) -> None:
    import keras

    layer = node.operation
    depthwise, pointwise = (np.asarray(k, "float64") for k in (layer.depthwise_kernel, layer.pointwise_kernel))
    channels = depthwise.shape[2] * depthwise.shape[3]
    bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(pointwise.shape[-1])
    between = Wire((*node.output.shape[:-1], channels))
    first = keras.layers.DepthwiseConv2D(
        layer.kernel_size, strides=layer.strides, padding=layer.padding, depth_multiplier=layer.depth_multiplier,
        dilation_rate=layer.dilation_rate, data_format=layer.data_format,
    )  # fmt: skip
    placed = Node(first, node.args, {}, [between], graph.free_name(f"{node.name}_depthwise"))
    placed.weights = Weights(depthwise, np.zeros(channels), "hwcm")
    graph.nodes.insert(graph.nodes.index(node), placed)
    node.operation = keras.layers.Conv2D(
        layer.filters, 1, activation=layer.activation, data_format=layer.data_format
    )  # fmt: skip
    node.connect((between,), {})
    node.weights = Weights(pointwise, bias, "hwio")
