"""A ReLU behind a convolution or a dense layer becomes that layer's own activation."""

from typing import Any


def is_plain_relu(layer: Any) -> bool:
    """Whether the layer is max(x, 0): no upper limit, no slope, no threshold."""
    kind = type(layer).__name__
    if kind == "Activation":
        return layer.get_config()["activation"] == "relu"
    return kind == "ReLU" and layer.max_value is None and not layer.negative_slope and not layer.threshold
