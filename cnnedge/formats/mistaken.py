"""What was given in place of an exported file, and what to do about it."""

from pathlib import Path

from cnnedge.names import FORMATS

_EXPECTED = "expected a .tflite or .onnx file"
# How the file is called that makes a folder a SavedModel.
_PROGRAM = "saved_model.pb"
_KERAS = (".keras", ".h5", ".hdf5")


def mistaken_for_exported(path: Path) -> str:
    """What ``path``, which is no ``.tflite`` and no ``.onnx`` file, is instead, and what to give: the end of a line
    that begins with its name."""
    if path.is_dir():
        if (path / _PROGRAM).is_file():
            return f"a SavedModel, {_EXPECTED}: cnnedge export {path} makes them of it"
        files = sorted(file.name for file in path.iterdir() if file.suffix.removeprefix(".") in FORMATS)
        if files:
            return f"a folder, {_EXPECTED}: name one of those in it, such as {path / files[0]}"
        return "a folder without any .tflite or .onnx file: name a file, or export into it first"
    if path.is_file() and path.suffix.lower() in _KERAS:
        return f"a Keras model, {_EXPECTED}: cnnedge export {path} makes them of it"
    return f"format {path.suffix.lower().removeprefix('.')!r}, {_EXPECTED}"
