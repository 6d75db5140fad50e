"""What int8 of one layer alone costs: files in which everything else is float32, on a few images.

A calibrated model is quantized in a tenth of a second, so that no twin has to stand for the file.
"""

from collections.abc import Iterator

import numpy as np

from cnnedge.convert.mixed import Calibrated
from cnnedge.documents.trials import LayerCost
from cnnedge.machine.hardware import cores
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import answers_of

# Enough to rank layers by their divergence: costs differ by powers of ten. MobileNetV2 has 104 layers to look at.
IMAGES = 64
# Below it a probability counts as this much: half a step of an 8-bit output.
LEAST = 1 / 512


def layer_costs(calibrated: Calibrated, images: np.ndarray, progress: Progress = silent) -> tuple[LayerCost, ...]:
    """Every layer with an operator of its own, by falling cost.

    Args:
        images: uint8 (N, H, W, C), no test images.
    """
    expected, found = _probabilities(calibrated.content, images), []
    for number, layer in enumerate(calibrated.layers):
        progress("layers in int8, one at a time", number, len(calibrated.layers))
        others = [other for other in calibrated.layers if other != layer]
        given = _probabilities(calibrated.file(others, io="float32"), images)
        changed = float(np.mean(answers_of(given) != answers_of(expected)))
        found.append(LayerCost(layer, round(changed, 6), round(_divergence(expected, given), 6)))
    progress("layers in int8, one at a time", len(found), len(found))
    return tuple(sorted(found, key=lambda cost: (-cost.divergence, -cost.changed)))


def sets_to_try(costs: tuple[LayerCost, ...]) -> Iterator[tuple[str, ...]]:
    """The costliest layer, the two costliest, and so on to half of all, in growing steps; those that cost nothing are
    never left in float."""
    layers = [cost.layer for cost in costs if cost.divergence > 0][: max(1, len(costs) // 2)]
    count = 1
    while count <= len(layers):
        yield tuple(layers[:count])
        count += max(1, count // 3)


def _divergence(expected: np.ndarray, given: np.ndarray) -> float:
    """The mean Kullback-Leibler divergence of ``given`` from ``expected``, both (N, classes)."""
    p, q = np.maximum(expected, LEAST), np.maximum(given, LEAST)
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    return float(np.mean(np.sum(p * np.log(p / q), axis=1)))


def _probabilities(content: bytes, images: np.ndarray) -> np.ndarray:
    with open_runner(content, format="tflite", num_threads=cores()) as runner:
        return runner.predict(images)
