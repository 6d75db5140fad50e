"""Where a training starts: a fresh network, or one that was trained before."""

from pathlib import Path

import keras

from cnnedge.errors import ModelError, UsageError
from cnnedge.model.keras_file import load_keras
from cnnedge.model.networks import build_model


def starting_network(
    model_name: str, *, num_classes: int, seed: int, init: Path | None, width: float = 1.0
) -> keras.Model:
    """A fresh ``model_name``, or the network in the file ``init`` with a head for ``num_classes``.

    Raises:
        UsageError: ``init`` and a ``width``: the network in the file has a width already.
        ModelError: ``init`` cannot be read, takes images of another shape than ``model_name``, or has another number of
            classes and no Dense layer at its end that could be replaced.
    """
    if init is not None and width != 1:
        raise UsageError(f"--init {init} brings a network that has its width: leave --width {width:g} out")
    fresh = build_model(model_name, num_classes=num_classes, width=width, seed=seed)
    if init is None:
        return fresh
    network = load_keras(init)
    if network.input_shape != fresh.input_shape:
        raise ModelError(
            f"{init} takes images of shape {network.input_shape[1:]}, "
            f"expected {fresh.input_shape[1:]} as {model_name} does"
        )
    if network.output_shape == fresh.output_shape:
        return network
    return replace_head(network, num_classes, seed)


def replace_head(network: keras.Model, num_classes: int, seed: int) -> keras.Model:
    """The same network, sharing its layers, with a fresh softmax layer in place of its last Dense layer.

    Raises:
        ModelError: the last layer is not Dense.
    """
    last = network.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        raise ModelError(f"{network.name} ends in {type(last).__name__}, expected Dense: its head cannot be replaced")
    head = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        name="probabilities",
    )
    return keras.Model(network.inputs[0], head(last.input), name=network.name)
