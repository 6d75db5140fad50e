"""Another order of channels (RGB to BGR, as the caffe form of preprocess_input has it) goes into the first layer."""

from typing import Any

import numpy as np

from cnnedge.model.fold.affine import affine_of
from cnnedge.model.graph import Graph, Node, Wire


def fold_channel_order(graph: Graph) -> None:
    """Let the convolution take the channels as they come; scaling between is put into their order too."""
    for node in list(graph.nodes):
        found = _order(graph, node)
        if found is None:
            continue
        wire, order = found
        between, behind = _until_weighted(graph, node)
        if behind is None or behind.weights is None or behind.weights.layout != "hwio" or behind.weights.groups != 1:
            continue
        for scaling in between:
            _reorder_scaling(scaling, order)
        behind.weights.reorder_inputs(order)
        graph.replace(node.output, wire)
        graph.drop_unused()


def _order(graph: Graph, node: Node) -> tuple[Wire, np.ndarray] | None:
    """The tensor, and which of its channels is which of the node's, if reordering is all that the node does."""
    if node.kind == "GetItem" and _key(node) == [Ellipsis, slice(None, None, -1)]:
        return node.inputs[0], np.arange(node.output.shape[-1] or 0)[::-1]
    if node.kind != "Stack" or node.operation.axis not in (-1, len(node.output.shape) - 1):
        return None
    picked = [graph.source(wire) for wire in node.inputs]
    if not all(part is not None and part.kind == "GetItem" for part in picked):
        return None
    parts = [part for part in picked if part is not None]
    keys = [_key(part) for part in parts]
    if any(part.inputs[0] is not parts[0].inputs[0] for part in parts) or any(key[:-1] != [Ellipsis] for key in keys):
        return None
    order = [key[-1] for key in keys]
    return (parts[0].inputs[0], np.array(order)) if sorted(order) == list(range(len(order))) else None


def _until_weighted(graph: Graph, node: Node) -> tuple[list[Node], Node | None]:
    """The scalings between a node and what reads them in the end."""
    between: list[Node] = []
    behind = graph.only_user(node.output)
    while behind is not None and (affine_of(behind) is not None or behind.kind == "ZeroPadding2D"):
        between.append(behind)
        behind = graph.only_user(behind.output)
    return between, behind


def _reorder_scaling(scaling: Node, order: np.ndarray) -> None:
    import keras

    affine = affine_of(scaling)
    if affine is not None:
        inverse = np.argsort(order)
        scaling.operation = keras.layers.Rescaling(affine.scale[inverse].tolist(), affine.offset[inverse].tolist())


def _key(node: Node) -> list[Any]:
    key = node.args[1] if len(node.args) > 1 else node.kwargs.get("key")
    return list(key) if isinstance(key, (list, tuple)) else [key]
