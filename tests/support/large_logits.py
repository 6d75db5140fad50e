"""A network that int8 cannot hold, for tests of what is said then."""

from typing import Any


def with_large_logits(model: Any, height: float = 400) -> Any:
    """The same answers from logits a fifth as far apart and ``height`` higher: int8 cannot tell them apart.

    Their step is more than height / 255 there; in float32 it is height / 2**23.
    """
    import keras

    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    kernel, bias = twin.layers[-1].get_weights()
    twin.layers[-1].set_weights([kernel / 5, bias / 5 + height])
    return twin
