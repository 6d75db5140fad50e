"""A float file must be the function that the Keras model is: compared on pictures before anything is written."""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ConversionError

if TYPE_CHECKING:
    from cnnedge.data import Split
    from cnnedge.scoring.score import Predictor

# Probabilities range over 0..1. Other orders of summation in float32 move them by 1e-5 in networks of a hundred layers.
LARGEST_DIFFERENCE = 1e-4
PICTURES = 32


def pictures_for(shape: tuple[int, int, int], calibration: "Split | None") -> np.ndarray:
    """uint8 (PICTURES, H, W, C) to compare models with: calibration images, or patches of grey and colour without them.

    Args:
        shape: (height, width, channels).
    """
    if calibration is not None and len(calibration):
        return calibration.pixels(np.linspace(0, len(calibration) - 1, min(PICTURES, len(calibration))).astype(int))
    height, width, channels = shape
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (PICTURES, -(-height // 8), -(-width // 8), channels), dtype=np.uint8)
    return patches.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]


def prove_same(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raise unless two models gave the same probabilities, float32 (N, classes), for the same pictures.

    The most probable class may differ only where the two best are as close as the probabilities may differ.

    Raises:
        ConversionError: says how far ``what`` is from the Keras model.
    """
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    best = np.sort(expected, axis=1)[:, -2:]
    clear = best[:, -1] - best[:, 0] > 2 * LARGEST_DIFFERENCE
    same = found.shape == expected.shape and bool(np.all((found.argmax(1) == expected.argmax(1))[clear]))
    if not difference <= LARGEST_DIFFERENCE or not same:
        raise ConversionError(
            f"{what} is not the function that the Keras model is: probabilities differ by up to {difference:.2g} on "
            f"{len(expected)} pictures, expected at most {LARGEST_DIFFERENCE:g}; it is not written. Please report the "
            "layers of the model"
        )


def prove_model(model: "Predictor", pictures: np.ndarray, expected: np.ndarray, what: str) -> None:
    """``prove_same`` for whatever classifies uint8 pictures."""
    prove_same(model.predict(pictures), expected, what)
