"""A convolution with a group for every channel is a depthwise one, for which TensorFlow has a kernel of its own:
grouped ones are compiled by XLA, again for every shape, and what it compiled stays in memory (ConvNeXt)."""

from cnnedge.model.graph import Graph
from cnnedge.model.graph.weights import Weights


def part_channels(graph: Graph) -> None:
    """Replace each such Conv2D by DepthwiseConv2D; its weights must have been taken."""
    import keras

    for node in graph.nodes:
        if node.kind != "Conv2D" or node.weights is None or not 1 < node.weights.groups == node.inputs[0].shape[-1]:
            continue
        layer, kernel = node.operation, node.weights.kernel
        if layer.strides[0] != layer.strides[1] or max(layer.strides) > 1 < max(layer.dilation_rate):
            continue  # what TensorFlow's kernel cannot do
        multiplier = layer.filters // node.weights.groups
        node.operation = keras.layers.DepthwiseConv2D(
            layer.kernel_size, strides=layer.strides, padding=layer.padding, depth_multiplier=multiplier,
            dilation_rate=layer.dilation_rate, activation=layer.activation,
        )  # fmt: skip
        folded = kernel.reshape(*kernel.shape[:2], node.weights.groups, multiplier)
        node.weights = Weights(folded, node.weights.bias, "hwcm")
