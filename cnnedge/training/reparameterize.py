"""Branches that are trained and fused away: smaller convolutions beside each one, every one with a batch normalization
of its own, and all their outputs added.

The sum is one convolution at inference, see ``model.fold.branches``: the network that is saved is the plain one. Its
training costs more: two branches of 3 weights beside 9 make 1.67 times the multiply-accumulates.
"""

from collections.abc import Sequence

import keras
import numpy as np

from cnnedge.model.fold.affine import fold_affine
from cnnedge.model.fold.branches import merge_branches
from cnnedge.model.fold.walk import take_weights
from cnnedge.model.graph import Graph, Node, Wire
from cnnedge.model.graph.build import build
from cnnedge.model.graph.read import read_graph

# Added to a convolution's seed for each branch: within one network the layers' seeds span less, see ``networks``.
_SEED_STEP = 200


def with_branches(network: keras.Model, sizes: Sequence[tuple[int, int]]) -> keras.Model:
    """The network with a convolution of each of ``sizes`` beside every one of 3 x 3 that feeds a batch normalization.

    Its own weights are copied; those of the branches are drawn from seeds that follow from the convolutions' own.
    """
    graph = read_graph(network)
    for node in list(graph.nodes):
        norm = graph.only_user(node.output)
        if (
            node.kind == "Conv2D"
            and node.setting("kernel_size") == (3, 3)
            and norm
            and norm.kind == "BatchNormalization"
        ):
            _add_branches(graph, node, norm, sizes)
    return build(graph)


def _add_branches(graph: Graph, convolution: Node, norm: Node, sizes: Sequence[tuple[int, int]]) -> None:
    total = Node(keras.layers.Add(), (norm.outputs,), {}, [Wire(norm.output.shape)], f"{convolution.name}_sum")
    graph.replace(norm.output, total.output)
    place = graph.nodes.index(norm) + 1
    ends = [norm.output]
    for number, size in enumerate(sizes, start=1):
        between, end = Wire(convolution.output.shape), Wire(norm.output.shape)
        name = f"{convolution.name}_{size[0]}x{size[1]}"
        added = [
            Node(_narrower(convolution.operation, size, number), convolution.args, {}, [between], name),
            Node(_fresh(norm.operation), (between,), {}, [end], f"{name}_bn"),
        ]
        graph.nodes[place:place] = added
        place += len(added)
        ends.append(end)
    total.connect((ends,), {})
    graph.nodes.insert(place, total)


def _narrower(layer: keras.layers.Conv2D, size: tuple[int, int], number: int) -> keras.layers.Conv2D:
    config = layer.get_config()
    seed = getattr(layer.kernel_initializer, "seed", None)
    start = keras.initializers.HeNormal(seed=None if seed is None else seed + number * _SEED_STEP)
    return keras.layers.Conv2D.from_config({**config, "kernel_size": size, "kernel_initializer": start})


def _fresh(norm: keras.layers.BatchNormalization) -> keras.layers.BatchNormalization:
    return keras.layers.BatchNormalization.from_config(norm.get_config())


def fuse(branched: keras.Model, *, into: keras.Model) -> None:
    """Give ``into``, the plain network that ``branched`` was made of, the weights with which it computes the same.

    A fused convolution brings a bias; its batch normalization keeps that and does nothing else. Both graphs name their
    nodes by one rule, which layers' own names do not follow: the head's is one that a built network keeps for itself.
    """
    graph = read_graph(branched)
    take_weights(graph)
    fold_affine(graph)
    merge_branches(graph)
    found = {node.name: node.weights for node in graph.nodes}
    for node in read_graph(into).nodes:
        layer = node.operation
        if not layer.weights or isinstance(layer, keras.layers.BatchNormalization):
            continue
        weights = found[node.name]
        if weights is None:
            raise ValueError(f"{node.name} has no weights in {branched.name}: expected those of {into.name}")
        kernel, bias = weights.as_float32()
        layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
        if not layer.use_bias:
            _carry(layer._outbound_nodes[0].operation, bias)


def _carry(norm: keras.layers.BatchNormalization, bias: np.ndarray) -> None:
    """Let ``norm`` add ``bias`` and change nothing else."""
    one = np.ones_like(bias)
    norm.set_weights([one, bias, np.zeros_like(bias), one - np.float32(norm.epsilon)])
