"""The float Keras model as a Runner, so that the benchmark measures it like any other file.

Three ways to call it, because people use all three and they differ by a factor of more than ten for one image:

    predict    ``model.predict(image)``: what most people write; made for many images at once
    call       ``model(image)``: Keras's advice for single images
    function   the model inside a ``tf.function``: traced once, the honest baseline for a speed-up
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.benchmark.candidate import Candidate, keras_candidates
from cnnedge.errors import CnnedgeError
from cnnedge.model.fold import INPUT_NAME
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec

MODES = ("predict", "call", "function")
OPENER = "cnnedge.model.baseline:open_baseline"


def baseline_candidates(path: Path, *, device: str = "cpu", modes: Sequence[str] = MODES) -> list[Candidate]:
    """What the benchmark measures of the float Keras model at ``path``: each of ``modes``.

    Raises:
        UsageError: there is no such file.
    """
    return keras_candidates(path, opener=OPENER, modes=modes, device=device)


class KerasRunner(Runner):
    """A Keras model on TensorFlow. Input float32 (N, H, W, C), pixels 0..255; output float32 (N, classes).

    ``run`` returns when the output is in the host's memory: on a GPU it waits for the result and copies it back.
    """

    def __init__(self, name: str, model: Any, mode: str, *, num_threads: int, device: str) -> None:
        import keras
        import tensorflow as tf

        runtime = f"Keras {keras.__version__} on TensorFlow {tf.__version__} ({mode})"
        image = TensorSpec(INPUT_NAME, tuple(model.inputs[0].shape), "float32")
        scores = TensorSpec(model.outputs[0].name, tuple(model.outputs[0].shape), "float32")
        ends = Ends(image, scores, free_batch=True)
        super().__init__(name, "keras", ends, Place(runtime, device, num_threads))
        self._call = _caller(model, mode)

    def run(self, batch: np.ndarray) -> np.ndarray:
        return self._call(batch)

    def close(self) -> None:
        del self._call


def open_baseline(path: str | Path, mode: str, num_threads: int = 1, device: str = "cpu") -> KerasRunner:
    """Open a ``.keras`` file to be called in one of ``MODES``.

    The number of threads is TensorFlow's, for the whole process, and can only be set before its first operation:
    open a baseline in a process of its own.

    Raises:
        ModelError: see ``kerasfile.load_keras``.
        CnnedgeError: ``device`` is ``gpu``, and TensorFlow finds none.
        ValueError: an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, expected one of {', '.join(MODES)}")
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.keras_file import load_keras

    # As everybody has it: on CPUs for which TensorFlow leaves oneDNN off, a single image takes longer with it, and the
    # files would look better. TF_ENABLE_ONEDNN_OPTS=1 cnnedge benchmark shows it.
    require_tensorflow(onednn=False)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(num_threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = load_keras(path)
    if device == "gpu":
        _check_gpu(model)
    return KerasRunner(Path(path).name, model, mode, num_threads=num_threads, device=device)


def _check_gpu(model: Any) -> None:
    """See that TensorFlow takes a GPU: it runs on the CPU without a word where there is none, or no kernel for it.

    Raises:
        CnnedgeError: it does not.
    """
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        raise CnnedgeError(
            "TensorFlow finds no GPU: it needs an NVIDIA GPU with its driver, and pip install 'tensorflow[and-cuda]'"
        )
    output = model(tf.zeros((1, *model.inputs[0].shape[1:])), training=False)
    if "GPU" not in output.device:
        raise CnnedgeError(f"TensorFlow computed on {output.device}, expected a GPU")


def _caller(model: Any, mode: str) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    if mode == "predict":
        return lambda batch: model.predict(batch, verbose=0)
    if mode == "call":
        return lambda batch: model(batch, training=False).numpy()
    signature = tf.TensorSpec(model.inputs[0].shape, tf.float32)
    traced = tf.function(lambda batch: model(batch, training=False), input_signature=[signature])
    # The concrete function skips the dispatch on argument types.
    concrete = traced.get_concrete_function()
    return lambda batch: concrete(tf.constant(batch)).numpy()
