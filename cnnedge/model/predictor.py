"""A Keras model as whatever classifies uint8 images, on any backend (``scoring.score.Predictor``)."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

# Images in one step of ``predict``.
BATCH = 250


class KerasPredictor:
    """A model that takes float32 pixels 0..255, ``(N, H, W, C)``, and gives one value per class."""

    def __init__(self, model: "keras.Model") -> None:
        self._model = model

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 images ``(n, H, W, C)`` to float32 ``(n, classes)``."""
        return self._model.predict(images.astype(np.float32), batch_size=BATCH, verbose=0)
