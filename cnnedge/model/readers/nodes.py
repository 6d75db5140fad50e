"""A program's operators and what reads them."""

from collections import Counter
from typing import Any, Protocol

import numpy as np

from cnnedge.errors import ModelError


class Reader(Protocol):
    """What the rules need of ``operators.OperatorReader``."""

    nodes: dict[str, Any]
    functions: dict[str, Any]
    values: dict[str, Any]
    without_bias: dict[str, Any]
    uses: Counter[str]

    def value(self, name: str) -> Any: ...
    def layer(self, node: Any, kind: str, *inputs: Any, weights: list[np.ndarray] | None = None, **config: Any) -> Any:
        """Call a new layer."""


def source_of(name: str) -> str:
    """The operator that a data input comes from."""
    source, _, index = name.partition(":")
    if index not in ("", "0"):
        raise ModelError(f"uses a further output of an operator ({name}): save it with model.save('model.keras')")
    return source


def data_of(node: Any) -> list[str]:
    return [name for name in node.input if not name.startswith("^")]


def is_tensor(value: Any) -> bool:
    return not isinstance(value, (np.ndarray, np.generic))
