"""A dense layer on a map is a convolution of 1 x 1.

As such it has an integer kernel with its bias in it everywhere; ONNX Runtime has one for dense layers on vectors alone,
and of a product on maps it adds the bias in float (squeeze-and-excite behind ``keepdims``, ConvNeXt).
"""

from cnnedge.model.graph import Graph
from cnnedge.model.graph.weights import Weights

MAP = 4  # axes: batch, height, width, channels


def convolve_maps(graph: Graph) -> None:
    """Replace each Dense that takes maps by Conv2D; its weights must have been taken."""
    import keras

    for node in graph.nodes:
        if node.kind == "Dense" and node.weights is not None and len(node.output.shape) == MAP:
            layer = node.operation
            node.operation = keras.layers.Conv2D(layer.units, 1, activation=layer.activation)
            node.weights = Weights(node.weights.kernel[None, None], node.weights.bias, "hwio")
