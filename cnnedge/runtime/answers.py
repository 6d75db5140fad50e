"""One picture's answer, as ``predict --json`` shows it."""

import math
import time
from typing import Any

from cnnedge.errors import CnnedgeError
from cnnedge.images.decode import decode
from cnnedge.images.listing import Picture
from cnnedge.runtime.classifier import Classifier, Prediction


def entry(classifier: Classifier, picture: Picture, top: int) -> dict[str, Any]:
    """One picture's result as ``--json`` shows it; ``error`` says why there is none."""
    found: dict[str, Any] = {
        "image": picture.name,
        "label": None,
        "index": None,
        "score": None,
        "top": [],
        "ms": None,
        "error": None,
    }
    try:
        if isinstance(picture.source, CnnedgeError):
            raise picture.source
        pixels = decode(picture.source, classifier.input_shape)
    except CnnedgeError as error:
        return {**found, "error": str(error)}
    started = time.perf_counter()
    try:
        predictions = classifier.predict(pixels, top=top)
    except CnnedgeError as error:
        return {**found, "error": str(error)}
    found["ms"] = round((time.perf_counter() - started) * 1e3, 3)
    found["top"] = [_as_json(prediction) for prediction in predictions]
    return {**found, **found["top"][0]}


def _as_json(prediction: Prediction) -> dict[str, Any]:
    """``value`` only where there is no probability."""
    found: dict[str, Any] = {"label": prediction.label, "index": prediction.index, "score": prediction.score}
    return {**found, "score": None, "value": prediction.value} if math.isnan(prediction.score) else found
