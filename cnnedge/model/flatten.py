"""A model's layers as one flat functional graph."""

from typing import TYPE_CHECKING

from cnnedge.model.signature import INPUT_NAME

if TYPE_CHECKING:
    import keras


def as_functional(model: "keras.Model") -> "keras.Model":
    """A Sequential model as the functional one with the same layers and weights; any other model as it is.

    A Sequential model that was loaded from a file has called each of its layers several times, so that its graph
    cannot be read off its layers.
    """
    import keras

    if not isinstance(model, keras.Sequential):
        return model
    image = x = keras.Input(model.input_shape[1:], name=INPUT_NAME)
    for layer in model.layers:
        x = type(layer).from_config(layer.get_config())(x)
    functional = keras.Model(image, x, name=model.name)
    functional.set_weights(model.get_weights())
    return functional
