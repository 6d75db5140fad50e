"""A folded model as the folder that TensorFlow's converters read, and their notes kept off the terminal."""

import contextlib
import ctypes
import gc
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME
from cnnedge.nativelog import silenced


@contextlib.contextmanager
def saved_model(model: Any) -> Iterator[str]:
    """A SavedModel with frozen weights, a batch of 1 and the two names that every exported file has."""
    with tempfile.TemporaryDirectory(prefix="cnnedge-") as folder, quiet():
        let_go()
        _write(model, folder)
        let_go()
        yield folder


def let_go() -> None:
    """Free what nothing uses: models and graphs refer to themselves, each with all weights in it, and Linux's allocator
    keeps what was freed between other blocks."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _write(model: Any, folder: str) -> None:
    """The weights are frozen first: left as variables, the converter keeps some as run-time reads."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name=INPUT_NAME)
    traced = tf.function(lambda image: model(image, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(traced)
    module = tf.Module()
    module.serve = tf.function(lambda image: {OUTPUT_NAME: frozen(image)[0]}, input_signature=[signature])
    # Gradients, as Keras's swish has its own, are of no use here and cannot be saved with frozen weights.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures={"serving_default": module.serve}, options=options)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the converters' notes off the terminal: Python's logging and what C++ writes to standard error."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with silenced(), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def reason_of(error: Exception) -> str:
    """The first line of what a converter says, or the kind of its error."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
