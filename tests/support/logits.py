"""What a TFLite file computes before its softmax, raw.

Also a program for a machine that has LiteRT and not our tests, such as the emulated Raspberry Pi:

    python logits.py FILE.tflite IMAGES.npy LOGITS.npy

It must not import from the package ``tests``.
"""

import sys
import warnings

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def raw_logits(path: str, images: np.ndarray) -> np.ndarray:
    """The softmax's input (N, classes), in its own integer type, for uint8 ``images`` (N, H, W, C)."""
    # Without this, memory is used again: after a run, the logits' holds the probabilities.
    with warnings.catch_warnings(action="ignore"):  # that this is for debugging
        interpreter = Interpreter(path, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    [softmax] = [operator for operator in interpreter._get_ops_details() if operator["op_name"] == "SOFTMAX"]
    source, logits = interpreter.get_input_details()[0]["index"], int(softmax["inputs"][0])
    found = []
    for image in images:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(logits)[0])
    return np.array(found)


if __name__ == "__main__":
    np.save(sys.argv[3], raw_logits(sys.argv[1], np.load(sys.argv[2])))
