"""Parallel convolutions whose outputs are added become one: convolution is linear in its kernel.

So a network may be trained with branches beside each convolution and run without them: 1 x 3 and 3 x 1 kernels (ACNet,
Ding et al. 2019, arXiv 1908.03930), or 1 x 1 kernels and a batch normalization alone (RepVGG, Ding et al. 2021, arXiv
2101.03697). Batch normalization has been folded into each of them before.
"""

from dataclasses import dataclass

import numpy as np

from cnnedge.model.fold.affine import affine_of
from cnnedge.model.graph import Graph, Node
from cnnedge.model.graph.weights import Weights


@dataclass
class _Branch:
    """One summand: ``node`` gives kernel (height, width, inputs, outputs) * x + bias, both float64."""

    node: Node
    kernel: np.ndarray
    bias: np.ndarray


def merge_branches(graph: Graph) -> bool:
    """Replace every sum of branches by one convolution under the name of the first; whether there was any."""
    merged = [_merge(graph, node) for node in list(graph.nodes) if node.kind == "Add" and len(node.inputs) > 1]
    return any(merged)


def _merge(graph: Graph, total: Node) -> bool:
    sources = [graph.source(wire) for wire in total.inputs]
    nodes = [node for node in sources if node is not None and graph.only_user(node.output) is total]
    convolutions = [node for node in nodes if _is_branch(node)]
    if len(nodes) < len(total.inputs) or not convolutions or len({id(node.inputs[0]) for node in nodes}) > 1:
        return False
    branches = [_branch(node) for node in nodes]
    first = convolutions[0]
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(nodes) or not _fit(known, convolutions):
        return False
    height, width = (max(branch.kernel.shape[axis] for branch in known) for axis in (0, 1))
    kernel = np.sum([embedded(branch.kernel, height, width) for branch in known], axis=0)
    first.weights = Weights(kernel, np.sum([branch.bias for branch in known], axis=0), "hwio")
    first.changes["kernel_size"] = (height, width)
    graph.replace(total.output, first.output)
    for node in (total, *nodes):
        if node is not first:
            graph.nodes.remove(node)
    return True


def embedded(kernel: np.ndarray, height: int, width: int) -> np.ndarray:
    """The same kernel (height, width, ...) in the middle of a larger one of zeros; odd sizes have a middle."""
    above, left = (height - kernel.shape[0]) // 2, (width - kernel.shape[1]) // 2
    grown = np.zeros((height, width, *kernel.shape[2:]))
    grown[above : above + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return grown


def _is_branch(node: Node) -> bool:
    return (
        node.kind == "Conv2D"
        and node.weights is not None
        and node.weights.groups == 1
        and node.activation == "linear"
        and tuple(node.setting("dilation_rate")) == (1, 1)
    )


def _branch(node: Node) -> _Branch | None:
    """A convolution, or a scaling by channel as the 1 x 1 convolution that it is; None for anything else."""
    if _is_branch(node) and node.weights is not None:
        return _Branch(node, node.weights.kernel, node.weights.bias)
    affine = affine_of(node) if len(node.output.shape) == 4 else None
    return None if affine is None else _Branch(node, np.diag(affine.scale)[None, None], affine.offset)


def _fit(branches: list[_Branch], convolutions: list[Node]) -> bool:
    """Whether every branch looks at the same places.

    Kernels of several sizes do where the stride is 1, the sizes are odd and the borders are padded; at another stride
    TensorFlow pads each size by another amount.
    """
    if len({(tuple(node.setting("strides")), node.setting("padding")) for node in convolutions}) > 1:
        return False
    sizes = {branch.kernel.shape[:2] for branch in branches}
    if len(sizes) == 1:
        return len(convolutions) == len(branches) or tuple(convolutions[0].setting("strides")) == (1, 1)
    one_step = tuple(convolutions[0].setting("strides")) == (1, 1) and convolutions[0].setting("padding") == "same"
    return one_step and all(size % 2 == 1 for pair in sizes for size in pair)
