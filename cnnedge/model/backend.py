"""Bringing Keras and its backend in: quietly, and with a clear word where it is not installed."""

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator

from cnnedge.errors import MissingPackageError, UsageError
from cnnedge.nativelog import silenced

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
# What TensorFlow and Keras import if it is there, for models and data in forms that nothing here has: 126, 67 and 26 MB
# (pandas with pyarrow), and seconds.
_UNUSED = ("jax", "pandas", "matplotlib")
# TensorFlow reads it while it is imported; where it is not set, oneDNN's kernels are taken on CPUs with VNNI, BF16 or
# AMX alone. Others lack the rest of TensorFlow's convolutions with channels first, and train slower: on an AMD EPYC
# with AVX2 cifar10 at 150 images/s instead of 250, cifar10-small at 380 instead of 1,100 (exported/TRAINING.md).
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def require_keras(say: Callable[[str], None] | None = None, *, onednn: bool = True) -> str:
    """Import Keras on the backend that ``KERAS_BACKEND`` names (default: tensorflow) and return that name.

    TensorFlow announces its build options on standard error while it is imported, before it reads its own log
    level; that is kept off the terminal. Its errors are not: from level 3 on only those are shown.

    Args:
        say: is told before the import, which takes seconds.
        onednn: let TensorFlow take oneDNN's kernels on every CPU that they were built for, whatever it does by itself.
            What the environment says goes before.

    Raises:
        UsageError: ``KERAS_BACKEND`` names no backend that can train.
        MissingPackageError: Keras or the backend is not installed.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND is {backend!r}, expected one of {', '.join(BACKENDS)}")
    for package in (backend, "keras"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(package, "build")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if say is not None and "keras" not in sys.modules:
        say(f"loading {BACKENDS[backend]} ...")
    hidden = (package for package in _UNUSED if package != backend)
    with silenced(), _hidden(*hidden), _told({_ONEDNN: "1"} if onednn else {}):
        import keras

        # On the other backends Keras imports TensorFlow all the same, if it is there, when `fit` looks at its data.
        if importlib.util.find_spec("tensorflow") is not None:
            import tensorflow  # noqa: F401
    # Its warnings speak to programmers: of functions that are traced more than once, as batches of two sizes are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return keras.backend.backend()


@contextlib.contextmanager
def _told(settings: dict[str, str]) -> Iterator[None]:
    """As long as this lasts, the environment has ``settings`` that it has not; no child process sees them later."""
    new = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


@contextlib.contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """As long as this lasts, imports fail for ``packages`` as if they were not installed; later ones do not."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None means just that
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


def require_tensorflow(say: Callable[[str], None] | None = None, *, onednn: bool = True) -> None:
    """Import Keras on TensorFlow, the backend that exporting and the float baseline need; arguments as above.

    Raises:
        UsageError: ``KERAS_BACKEND`` names another backend.
        MissingPackageError: TensorFlow or Keras is not installed.
    """
    if require_keras(say, onednn=onednn) != "tensorflow":
        raise UsageError(
            f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}: exporting and measuring the float model need tensorflow"
        )
