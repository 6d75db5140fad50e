"""A resizing that TFLite has no operator for (bicubic, Lanczos, area) as the two matrix products that it is.

Every new row is a sum of the old rows with fixed weights, and every new column one of the old columns: convolutions of
1 x 1 where the rows, and then the columns, stand in the place of channels.
"""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.model.graph import Graph, Node, Wire
from cnnedge.model.graph.weights import Weights

if TYPE_CHECKING:
    pass

_WITHOUT_OPERATOR = ("bicubic", "lanczos3", "lanczos5", "area")


def multiply_resized(graph: Graph) -> None:
    """Replace each Resizing and UpSampling2D of that kind; its images must have one size."""
    for node in [node for node in graph.nodes if node.kind in ("Resizing", "UpSampling2D")]:
        layer, before = node.operation, node.inputs[0].shape
        keeps_all = not (getattr(layer, "crop_to_aspect_ratio", False) or getattr(layer, "pad_to_aspect_ratio", False))
        is_known = layer.data_format == "channels_last" and None not in before[1:]
        if layer.interpolation in _WITHOUT_OPERATOR and keeps_all and is_known:
            _replace(graph, node)


def _replace(graph: Graph, node: Node) -> None:
    import keras

    height, width, channels = (size or 0 for size in node.inputs[0].shape[1:])  # none of them is None
    new_height, new_width = (size or 0 for size in node.output.shape[1:3])
    method, place, begun = node.operation.interpolation, graph.nodes.index(node), node.inputs[0]
    rows, columns = _matrix(height, new_height, method), _matrix(width, new_width, method)
    steps: list[tuple[keras.Layer, Weights | None, tuple[int, ...]]] = [
        (keras.layers.Permute((2, 3, 1)), None, (width, channels, height)),
        (keras.layers.Conv2D(new_height, 1), rows, (width, channels, new_height)),
        (keras.layers.Permute((3, 2, 1)), None, (new_height, channels, width)),
        (keras.layers.Conv2D(new_width, 1), columns, (new_height, channels, new_width)),
    ]
    for number, (layer, weights, shape) in enumerate(steps, start=1):
        between = Wire((begun.shape[0], *shape))
        added = Node(layer, (begun,), {}, [between], graph.free_name(f"{node.name}_{number}"))
        added.weights = weights
        graph.nodes.insert(place, added)
        place, begun = place + 1, between
    node.operation = keras.layers.Permute((1, 3, 2))
    node.connect((begun,), {})


def _matrix(size: int, new_size: int, method: str) -> Weights:
    """What the resizing makes of each old row alone, ``(1, 1, old rows, new rows)``."""
    import keras

    unit = np.eye(size, dtype="float32")[None, :, None, :]
    found = keras.ops.convert_to_numpy(keras.ops.image.resize(unit, (new_size, 1), interpolation=method))
    return Weights(found[0, :, 0].T[None, None].astype("float64"), np.zeros(new_size), "hwio")
