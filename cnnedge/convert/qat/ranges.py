"""Where the range of each layer's output starts in quantization-aware training: at what calibration images reach."""

from typing import Any

import numpy as np

from cnnedge.convert.qat.fake_quantize import RANGED, WEIGHTED

BATCH = 128


def output_ranges(twin: Any, calibration: np.ndarray) -> dict[str, tuple[float, float]]:
    """The smallest and largest output of every layer of ``twin`` that has a range of its own, by layer name.

    Args:
        twin: a tf_keras model, see ``twin.plain_twin``.
        calibration: float32 (N, H, W, C), pixels 0..255.
    """
    import tf_keras

    layers = [layer for layer in twin.layers[1:] if type(layer).__name__ in (*WEIGHTED, *RANGED)]
    probe = tf_keras.Model(twin.inputs, [layer.output for layer in layers])
    lows, highs = [], []
    for start in range(0, len(calibration), BATCH):
        outputs = probe(calibration[start : start + BATCH], training=False)
        lows.append([float(np.min(output)) for output in outputs])
        highs.append([float(np.max(output)) for output in outputs])
    return {
        layer.name: (min(low), max(high))
        for layer, low, high in zip(layers, zip(*lows, strict=True), zip(*highs, strict=True), strict=True)
    }
