"""Keras image classifiers on the edge: quantize, export, prove, measure, predict.

Importing this package loads neither TensorFlow nor Keras, nor a runtime: names are resolved on first use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnedge.runtime.classifier import Classifier, Prediction

__version__ = "0.1.0"
__all__ = ["Classifier", "Prediction", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("Classifier", "Prediction"):
        from cnnedge.runtime import classifier

        return getattr(classifier, name)
    raise AttributeError(f"module 'cnnedge' has no attribute {name!r}")
