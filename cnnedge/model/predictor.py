"""A Keras model as whatever classifies uint8 images, on any backend (``scoring.score.Predictor``)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import CnnedgeError
from cnnedge.model.flat.channels_last import is_channels_first
from cnnedge.model.flat.widened import is_dilated

if TYPE_CHECKING:
    import keras

# Images in one step of ``predict``, which lets go of a tensor when nothing reads it any more; and in one call of a
# model, which holds every tensor until its end: a ConvNeXtTiny 300 MB of them for an image of 224 x 224.
PREDICTED, CALLED = 250, 32
# Pixels of all images in one: 4 images of 224 x 224, and 1. TensorFlow gives back nothing of what one step took: of a
# MobileNetV2 140 MB for 8 images of 224 x 224, 65 MB for 4, which are as fast.
PREDICTED_PIXELS, CALLED_PIXELS = 205_000, 60_000


def images_predicted(shape: tuple[int, ...]) -> int:
    """How many images ``(height, width, channels)`` one step of ``predict`` takes."""
    return _at_once(shape, PREDICTED, PREDICTED_PIXELS)


def images_called(shape: tuple[int, ...]) -> int:
    """How many images ``(height, width, channels)`` one call of a model takes."""
    return _at_once(shape, CALLED, CALLED_PIXELS)


def given_for(model: "keras.Model", batch: Any, *, once: bool) -> Any:
    """What a model gives for a batch, as arrays: by a plain call if it is called ``once``, else by a traced function.

    Tracing takes seconds. But each plain call of Keras's grouped convolutions compiles them anew, and keeps what it
    compiled: 200 images through a ConvNeXtTiny, one at a time, took a minute and 500 MB more than the answers.
    """
    import keras

    if _may_need_xla(model):
        return _given_somehow(model, batch)
    if once:
        return keras.tree.map_structure(np.asarray, model(batch, training=False))
    _without_xla(model)
    return model.predict_on_batch(batch)


def answers_called(model: "keras.Model", pictures: np.ndarray) -> np.ndarray:
    """What a model gives (N, classes) for (N, H, W, C) pictures, called with a few at a time."""
    size = images_called(pictures.shape[1:])
    once = is_once(len(pictures), size)
    parts = (pictures[start : start + size] for start in range(0, len(pictures), size))
    given = [given_for(model, part if once else filled(part, size), once=once) for part in parts]
    return np.concatenate(given)[: len(pictures)]


def is_once(count: int, size: int) -> bool:
    """Whether ``count`` images in calls of ``size`` are not worth tracing: small images, or a single call."""
    return size == CALLED or count <= size


def filled(batch: np.ndarray, size: int) -> np.ndarray:
    """The batch with its first image repeated behind it: a last one that is smaller would be traced anew."""
    missing = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)]) if missing > 0 else batch


def _at_once(shape: tuple[int, ...], most: int, pixels: int) -> int:
    return max(1, min(most, pixels // (shape[0] * shape[1])))


def _without_xla(model: "keras.Model") -> None:
    """Without a GPU, TensorFlow's own kernels are faster than what XLA makes of them (``training.fit.jit_compile``),
    and XLA compiles a deep network for many seconds, again for every size of batch."""
    import keras

    if keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu"):
        model.jit_compile = False


def _may_need_xla(model: "keras.Model") -> bool:
    """Whether TensorFlow's own kernels may be missing: without oneDNN, which it uses on newer CPUs alone, it has no
    convolution with channels first and no transposed one with dilation."""
    import keras

    if keras.backend.backend() != "tensorflow" or keras.distribution.list_devices("gpu"):
        return False
    return any(is_channels_first(layer) or is_dilated(layer) for layer in model._flatten_layers())


def _given_somehow(model: "keras.Model", batch: Any) -> Any:
    """What XLA gives, which has those convolutions, or TensorFlow's own kernels: XLA has no bicubic resizing, for one.

    Raises:
        CnnedgeError: neither can.
    """
    import tensorflow as tf

    failed = None
    for compiled in (model.jit_compile, not model.jit_compile):  # what worked for the last batch first
        if model.jit_compile != compiled:
            model.jit_compile, model.predict_function = compiled, None
        try:
            return model.predict_on_batch(batch)
        except tf.errors.OpError as error:
            failed = error
    raise CnnedgeError(
        "TensorFlow cannot run the model on this CPU (channels first, or a transposed convolution with dilation): "
        "set TF_ENABLE_ONEDNN_OPTS=1 in the environment and run the command again"
    ) from failed


class KerasPredictor:
    """A model that takes float32 pixels 0..255, ``(N, H, W, C)``, and gives one value per class."""

    def __init__(self, model: "keras.Model") -> None:
        _without_xla(model)
        self._model = model

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 images ``(n, H, W, C)`` to float32 ``(n, classes)``."""
        # Not ``predict`` itself: each call leaves some of its pipeline behind, 500 MB after ten blocks of 224 x 224.
        size = min(images_predicted(images.shape[1:]), len(images))
        blocks = (filled(images[start : start + size], size) for start in range(0, len(images), size))
        given = [np.asarray(self._model.predict_on_batch(block.astype(np.float32))) for block in blocks]
        return np.concatenate(given)[: len(images)]
