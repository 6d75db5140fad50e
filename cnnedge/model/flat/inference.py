"""Layers that do nothing at inference: dropout and noise, and augmentation of pictures."""

from typing import Any

import numpy as np

from cnnedge.model.graph import Graph, Node

# Keras's own rooms of such layers; whether one passes through is tried, not looked up.
_ROOMS = ("keras.src.layers.regularization.", "keras.src.layers.preprocessing.image_preprocessing.")
_NEVER = ("Resizing", "CenterCrop")
# Pictures have pixels 0..255; rounded to integers, so that scaling forth and back would show.
_TRIAL = np.random.default_rng(0).integers(0, 256, (1, 9, 9, 3)).astype("float32")


def is_augmentation(layer: Any) -> bool:
    """Whether it changes pictures while training and passes them through at inference."""
    return type(layer).__module__.startswith(_ROOMS[1]) and passes_through(layer)


def passes_through(layer: Any) -> bool:
    """Whether the layer returns its input unchanged at inference."""
    import keras

    kind = type(layer).__name__
    if kind in ("Identity", "Cast") or (kind == "Activation" and layer.activation is keras.activations.linear):
        return True
    if not type(layer).__module__.startswith(_ROOMS) or kind in _NEVER:
        return False
    if type(layer).__module__.startswith(_ROOMS[0]):
        return True
    twin = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    given = np.asarray(twin(_TRIAL, training=False))
    return given.shape == _TRIAL.shape and bool(np.all(given == _TRIAL))


def drop_augmentation(graph: Graph) -> list[str]:
    """Take augmentation out; returns the kinds of the layers that went."""
    return _drop(graph, is_augmentation)


def drop_inactive(graph: Graph) -> list[str]:
    """Take out everything that passes through; returns the kinds of the layers that went."""
    return _drop(graph, passes_through)


def _drop(graph: Graph, rule: Any) -> list[str]:
    gone: list[Node] = [node for node in graph.nodes if rule(node.operation) and len(node.outputs) == 1]
    for node in gone:
        graph.bypass(node)
    return [node.kind for node in gone]
