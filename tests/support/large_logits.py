"""A network that int8 cannot hold, for tests of what is said then."""

from typing import Any


def with_large_logits(model: Any) -> Any:
    """The same answers from logits a fifth as far apart and 400 higher: int8 cannot tell them apart.

    Their step is more than 400 / 255 there; in float32 it is 400 / 2**23.
    """
    import keras

    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    kernel, bias = twin.layers[-1].get_weights()
    twin.layers[-1].set_weights([kernel / 5, bias / 5 + 400])
    return twin
