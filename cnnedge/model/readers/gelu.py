"""Gelu, as Keras 3 writes it: TensorFlow has no operator of that name."""

import itertools
from typing import Any

import numpy as np

from cnnedge.model.readers.nodes import Reader, data_of, is_tensor, source_of


def bent_by_gelu(reader: Reader, node: Any) -> Any:
    """x, where the product is x / 2 * erfc(-x / sqrt 2), which is gelu; None where it is not.

    The converters know gelu by this form alone, and it is one layer to whatever rounds.
    """
    for half, bent in itertools.permutations(source_of(name) for name in data_of(node)):
        if reader.nodes[bent].op != "Erfc":
            continue
        scaled, inner = _scaled(reader, half), _scaled(reader, source_of(data_of(reader.nodes[bent])[0]))
        if scaled and inner and scaled[0] == inner[0] and np.allclose((scaled[1], inner[1]), (0.5, -np.sqrt(0.5))):
            return reader.values[scaled[0]]
    return None


def _scaled(reader: Reader, name: str) -> tuple[str, float] | None:
    """Which operator's tensor, times which number, the operator gives; None if it is nothing like that."""
    node = reader.nodes[name]
    if node.op not in ("Mul", "RealDiv"):
        return None
    left, right = (source_of(part) for part in data_of(node))
    if node.op == "Mul" and not is_tensor(reader.values[left]):
        left, right = right, left
    number = reader.values[right]
    if is_tensor(number) or np.size(number) != 1:
        return None
    factor = float(np.reshape(number, ()))
    factor = factor if node.op == "Mul" else 1 / factor
    if reader.nodes[left].op == "Neg":
        return source_of(data_of(reader.nodes[left])[0]), -factor
    return left, factor
