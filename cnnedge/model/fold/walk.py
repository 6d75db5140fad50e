"""All folding rules, in the order in which one prepares the next."""

from typing import TYPE_CHECKING

from cnnedge.model.checks import check_classifier
from cnnedge.model.flat.inference import drop_inactive
from cnnedge.model.flat.widened import widen_transposed
from cnnedge.model.fold.activations import fuse_relu, part_activations, simplify_activations
from cnnedge.model.fold.affine import fold_affine
from cnnedge.model.fold.branches import merge_branches
from cnnedge.model.fold.channel_order import fold_channel_order
from cnnedge.model.fold.dense_on_maps import convolve_maps
from cnnedge.model.fold.grouped import part_channels
from cnnedge.model.fold.resized import multiply_resized
from cnnedge.model.fold.separable import split_separable
from cnnedge.model.graph import Graph
from cnnedge.model.graph.build import build
from cnnedge.model.graph.read import read_graph
from cnnedge.model.graph.weights import LAYOUTS, read_weights
from cnnedge.model.signature import OUTPUT_NAME

if TYPE_CHECKING:
    import keras


def fold(model: "keras.Model") -> "keras.Model":
    """The folded twin of a flat ``model``: same input (float32 pixels 0..255), same probabilities.

    The result has one ``Input`` named ``image`` and ends in a ``Softmax`` layer named ``probabilities``. Convolutions
    and dense layers have a bias and linear or ReLU activation. Layers that no rule covers are cloned with their state.

    Raises:
        ModelError: see ``checks.check_classifier``.
    """
    check_classifier(model)
    graph = read_graph(model)
    apply_rules(graph)
    return build(graph)


def apply_rules(graph: Graph) -> None:
    """Rewrite the graph by every rule of this room."""
    drop_inactive(graph)
    take_weights(graph)
    split_separable(graph)
    convolve_maps(graph)
    part_channels(graph)
    widen_transposed(graph)
    multiply_resized(graph)
    part_activations(graph)
    simplify_activations(graph)
    fold_channel_order(graph)
    fold_affine(graph)
    if merge_branches(graph):
        fold_affine(graph)  # what read several branches, or came behind their sum, now stands beside one convolution
    fuse_relu(graph)
    _name_head(graph)


def take_weights(graph: Graph) -> None:
    """Let the nodes hold their weights themselves, for rules to change; every one of them gets a bias."""
    for node in graph.nodes:
        if node.kind in LAYOUTS:
            node.weights = read_weights(node.operation)
            node.changes["use_bias"] = True


def _name_head(graph: Graph) -> None:
    last = graph.source(graph.output)
    if last is None or last.kind != "Softmax":
        return
    last.name = OUTPUT_NAME
    before = graph.source(last.inputs[0])
    if before is not None and before.weights is not None:
        before.name = "logits"
