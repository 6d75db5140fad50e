"""What kind of file it is, and the Keras model in it, as Keras itself loads it."""

import importlib
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.model.readers.dot_keras import load_archive
from cnnedge.model.readers.hdf5 import load_hdf5
from cnnedge.model.readers.program import PROGRAM, load_saved_model

if TYPE_CHECKING:
    import keras

_HDF5 = b"\x89HDF\r\n\x1a\n"
_EXPECTED = "expected a .keras or .h5 file as model.save() writes it"


def load_file(path: Path, custom_objects: Sequence[str] = (), input_size: int | None = None) -> "keras.Model":
    """The model in a file, uncompiled.

    No code inside the file runs: Lambda layers and classes that are not Keras's own are refused, unless a module in
    ``custom_objects`` (imported by name) defines them. ``input_size`` is for a SavedModel that takes any height and
    width; other files keep what they take.

    Raises:
        ModelError: no such file, of another kind, damaged, with code inside, or larger than it has weights for.
    """
    load = _loader(path, input_size, trusted=bool(custom_objects))
    with _known(custom_objects):
        try:
            return load(path)
        except ModelError as error:
            raise ModelError(f"{path} {error}") from error
        # Whatever a damaged or foreign file makes Keras raise, the file is the cause.
        except Exception as error:
            raise ModelError(f"{path} cannot be read as a Keras model ({_reason(error)})") from error


def check_kind(path: Path) -> None:
    """See that there is a file with the beginning of a Keras model, without importing Keras.

    Raises:
        ModelError: there is not.
    """
    _loader(path)


def _loader(path: Path, input_size: int | None = None, *, trusted: bool = False) -> "Callable[[Path], keras.Model]":
    if not path.exists():
        raise ModelError(f"{path} does not exist: {_EXPECTED}")
    if path.is_dir():
        return _folder_loader(path, input_size)
    if not path.is_file():
        raise ModelError(f"{path} is no regular file: {_EXPECTED}")
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if start == _HDF5:
        return partial(load_hdf5, trusted=trusted)
    if zipfile.is_zipfile(path):
        return partial(load_archive, trusted=trusted)
    raise ModelError(f"{path} is not a Keras model file: {_EXPECTED}")


def _folder_loader(path: Path, input_size: int | None) -> "Callable[[Path], keras.Model]":
    if (path / PROGRAM).is_file():
        return lambda folder: load_saved_model(folder, input_size)
    raise ModelError(f"{path} is a folder without {PROGRAM}: {_EXPECTED}, or a SavedModel folder")


def _reason(error: Exception) -> str:
    """One line of what Keras says, and what to do where that is known."""
    text = str(error)
    if "OpLambda" in text:  # TFOpLambda and SlicingOpLambda of Keras 2: TensorFlow's own functions, which hold no code
        called = re.search(r"'function': '([\w.]+)'", text)
        name = f"TensorFlow's function tf.{called[1]}" if called else "a function of TensorFlow"
        return f"it calls {name}, for which Keras 3 has no layer; give the SavedModel that tf_keras's export writes"
    if "Lambda" in text:
        return "it has a Lambda layer: that is code, which is never run from a file; use keras.layers or keras.ops"
    for sign in ("Could not locate class", "Unknown layer", "Could not locate function"):
        if sign in text:
            told = text.split(sign, 1)[1].lstrip(" :")
            name = (told.split("'")[1:2] or told.split(".")[:1])[0]  # in quotes, or up to the end of the sentence
            return f"it needs {name!r}, which Keras does not have: --allow-custom-objects MODULE names the code of it"
    lines = text.strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextmanager
def _known(modules: Sequence[str]) -> Iterator[None]:
    """Let Keras find the classes of these modules, under the names that they have there."""
    import keras

    found = {}
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise ModelError(f"--allow-custom-objects {name}: it cannot be imported ({error})") from error
        found.update({key: value for key, value in vars(module).items() if isinstance(value, type)})
    with keras.saving.custom_object_scope(found):
        yield
