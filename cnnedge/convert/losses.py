"""A file that answers worse than its model: how sure that is, which layer it comes from, and what to try.

A loss is more than 1 point of top-1, and more than chance allows: on the same images, the exact McNemar test rejects
that both are equally right (5 %).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.layer_errors.compare import LayerError, layer_errors
from cnnedge.convert.scheme import Scheme
from cnnedge.errors import CnnedgeError, ConversionError
from cnnedge.formats.model_file import open_model_file
from cnnedge.scoring.accuracy import SIGNIFICANCE, mcnemar_exact, wilson_interval

if TYPE_CHECKING:
    import keras

    from cnnedge.scoring.score import Score

SMALLEST_POINTS = 1.0
# Enough to tell the worst layer: noise powers are means over every value of its output.
IMAGES = 25
_SEARCH = "cnnedge search (it leaves the layers in float that cost most)"


@dataclass(frozen=True)
class Loss:
    """``points`` of top-1 below the baseline on the same images; ``cause`` and ``advice`` are sentences."""

    points: float
    p_value: float
    cause: str
    advice: str

    def __str__(self) -> str:
        return f"lost {self.points:.2f} points of top-1 (p {self.p_value:.1g}): {self.cause}. {self.advice}"


def loss_of(
    scheme: Scheme, content: bytes, found: "Score", baseline: "Score", *, model: "keras.Model", images: np.ndarray
) -> Loss | None:
    """What a file lost; None if it lost nothing worth a word.

    Args:
        found, baseline: of the file and of the float Keras ``model`` on the same test images.
        images: uint8 (N, H, W, C), no test images, to find the layer with.
    """
    lost, gained = int((baseline.hits & ~found.hits).sum()), int((found.hits & ~baseline.hits).sum())
    points, p_value = 100 * (lost - gained) / found.images, mcnemar_exact(lost, gained)
    if points <= SMALLEST_POINTS or p_value >= SIGNIFICANCE:
        return None
    return Loss(points, p_value, _cause(scheme, content, model, images), _advice(scheme))


def refuse_guessing(found: "Score", baseline: "Score", loss: Loss | None) -> None:
    """Refuse a file that is right no more often than always saying the commonest class, where the model is.

    Raises:
        ConversionError: names both figures, and what ``loss`` knows of the cause and of a way out.
    """
    guess = float(np.bincount(found.labels).max()) / found.images
    knows = wilson_interval(baseline.right, baseline.images)[0] > guess
    if knows and found.top1 <= guess:
        why = "" if loss is None else f"; {loss.cause}. {loss.advice}"
        raise ConversionError(
            f"it is right on {found.top1:.2%} of the test images, always saying the commonest class on {guess:.2%}, "
            f"the Keras model on {baseline.top1:.2%}: it is not written (--keep-losses writes it){why}"
        )


def _cause(scheme: Scheme, content: bytes, model: "keras.Model", images: np.ndarray) -> str:
    try:
        rows = layer_errors(open_model_file(content, scheme.format), model, images[:IMAGES])
    except CnnedgeError as error:
        return f"its layers cannot be compared ({error})"
    return _worst(rows[0])


def _worst(row: LayerError) -> str:
    if row.own_sqnr_db is None:
        return "no layer adds noise"
    noise = 100 * 10 ** (-row.own_sqnr_db / 20)
    words = f"most noise comes from {row.layer} ({row.kind}), {noise:.1f} % of its signal"
    return words + (f", {100 * row.saturated:.1f} % of its codes saturated" if row.saturated else "")


def _advice(scheme: Scheme) -> str:
    """What to try, the closest scheme first."""
    other = "float16" if scheme.format == "tflite" else "float32"
    if scheme.precision != "int8":
        return f"Try --precision {other}"
    if scheme.qat:
        return f"Try --preset full, {_SEARCH}, or --precision {other}"
    wider = "int16x8,float16" if scheme.format == "tflite" else "float32"
    return f"Try --qat, {_SEARCH}, or --precision {wider}"
