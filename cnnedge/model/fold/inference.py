"""Layers that do nothing at inference: they are left out."""

from typing import Any

_REGULARIZING = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout")


def passes_through(layer: Any) -> bool:
    """Whether the layer returns its input unchanged at inference."""
    kind = type(layer).__name__
    return kind in _REGULARIZING or kind.startswith("Random")
