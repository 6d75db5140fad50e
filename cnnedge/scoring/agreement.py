"""Where two models answer differently."""

import numpy as np


def agreement(predicted: np.ndarray, baseline: np.ndarray) -> float:
    """The fraction of images on which both predict the same class, right or wrong."""
    return float((predicted == baseline).mean())


def flips(predicted: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """The indices, int64, of the images on which the two predict different classes."""
    return np.flatnonzero(predicted != baseline)


def most_lost_class(per_class: list[float | None], baseline: list[float | None]) -> tuple[int, float] | None:
    """The class whose accuracy fell most, and by how many percentage points (negative: it fell).

    None where no class fell.
    """
    changes = [
        (100 * (now - before), index)
        for index, (now, before) in enumerate(zip(per_class, baseline, strict=True))
        if now is not None and before is not None
    ]
    change, index = min(changes, default=(0.0, 0))
    return (index, change) if change < 0 else None
