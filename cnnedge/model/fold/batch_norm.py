"""Batch normalization goes into the weights of the layer before it."""

from typing import Any

import numpy as np

from cnnedge.model.fold.weights import Weights


def normalizes_channels(layer: Any, rank: int) -> bool:
    """Whether the layer is a batch normalization over the last axis of a tensor of that rank."""
    return type(layer).__name__ == "BatchNormalization" and layer.axis in (-1, rank - 1)


def fold_batch_norm(weights: Weights, norm: Any) -> None:
    """Batch normalization at inference: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta."""
    mean, variance = (np.asarray(v, "float64") for v in (norm.moving_mean, norm.moving_variance))
    factor = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor = factor * np.asarray(norm.gamma, "float64")
    weights.bias = weights.bias - mean
    weights.scale_outputs(factor)
    if norm.center:
        weights.bias = weights.bias + np.asarray(norm.beta, "float64")
