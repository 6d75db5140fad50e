"""The end of the network: a softmax of its own, named ``probabilities``."""

from typing import Any


def ends_in_softmax(last: Any) -> bool:
    """Whether the last layer gives probabilities: a Softmax layer, or softmax as its activation."""
    return type(last).__name__ == "Softmax" or last.get_config().get("activation") == "softmax"
