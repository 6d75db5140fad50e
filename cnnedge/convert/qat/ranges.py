"""Where the ranges of quantization-aware training start: at what calibration images reach.

TFMOT's ranges start at -6..6 with a moving average of 0.999 and need about 6,000 steps to converge; a shorter run
exports ranges that are far too wide.
"""

from collections.abc import Iterator

import keras
import numpy as np

from cnnedge.convert.qat.fake_quantize import FIXED, OBSERVE, ROUND, RoundedKernel, RoundedOutput, set_mode
from cnnedge.errors import ConversionError
from cnnedge.model.predictor import images_called

# How far the twin may be from the folded model, of a probability's range 0..1: both compute in float32.
TOLERANCE = 1e-4


def start_ranges(twin: keras.Model, folded: keras.Model, calibration: np.ndarray, *, calibrated: bool = True) -> None:
    """Set every range of ``twin`` to what the images reach, and prove on the way that it computes what ``folded`` does.

    Args:
        calibration: (N, H, W, C), pixels 0..255.
        calibrated: False starts at -6..6 all the same, as TFMOT does; for comparison only.

    Raises:
        ConversionError: without rounding, the two give different probabilities.
    """
    set_mode(twin, OBSERVE)
    for images in in_batches(calibration):
        difference = float(np.max(np.abs(np.subtract(twin(images, training=False), folded(images, training=False)))))
        if not difference <= TOLERANCE:
            raise ConversionError(
                f"the network for quantization-aware training differs from the float one by {difference:.2g} in a "
                f"probability, expected at most {TOLERANCE:g}: leave --qat out"
            )
    set_mode(twin, ROUND)
    for layer in twin.layers:
        if isinstance(layer, RoundedKernel):
            layer.settle()
        elif isinstance(layer, RoundedOutput) and layer.movement != FIXED and not calibrated:
            layer.low.assign(-6.0 if layer.low < 0 else 0.0)
            layer.high.assign(6.0)


def in_batches(images: np.ndarray) -> Iterator[np.ndarray]:
    """float32 blocks of (N, H, W, C) images that a model can be called with at once."""
    size = images_called(images.shape[1:])
    return (images[start : start + size].astype(np.float32) for start in range(0, len(images), size))
