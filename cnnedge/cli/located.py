"""What the commands that take a SOURCE share: where its model is, and what is said of it."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.errors import UsageError
from cnnedge.files import check_readable

if TYPE_CHECKING:
    from cnnedge.data import Split


def locate(
    source: str, out: Path, labels: Sequence[str] | None = None, float_layers: Sequence[str] = (),
    modules: Sequence[str] | None = None, rgb_input: bool = False,
) -> tuple[Path, str]:  # fmt: skip
    """The model's file and its name; what exists as a path is a file, or a folder of one.

    Raises:
        UsageError, ModelError: it is not there, or is no Keras model; or see ``declared.check_asked`` for the rest.
    """
    path, name = _located(source, out)
    from cnnedge.model.readers.declared import check_asked

    check_asked(path, labels=labels, float_layers=float_layers, modules=modules or (), rgb_input=rgb_input)
    return path, name


def _located(source: str, out: Path) -> tuple[Path, str]:
    path = Path(source)
    if path.suffix in (".tflite", ".onnx"):
        raise UsageError(f"{path} is already converted: expected the .keras file that it was made from")
    if path.suffix in (".keras", ".h5"):
        check_readable(path)
    if path.exists():
        return path, path.stem
    trained = out / source / f"{source}.keras"
    if not trained.is_file():
        raise UsageError(f"{source} has not been trained: {trained} does not exist; {_meant(source, out)}")
    return trained, source


def _meant(source: str, out: Path) -> str:
    """What is probably meant by a name that nothing has."""
    from cnnedge.model.networks import MODELS

    trained = [path.parent.name for path in out.glob("*/*.keras") if path.stem == path.parent.name]
    close = difflib.get_close_matches(source, {*trained, *MODELS}, n=1)
    if source in MODELS or not close:
        return f"run cnnedge train {source} first" if source in MODELS else "give a .keras file, or train one first"
    return f"did you mean {close[0]}?"


def checked_name(name: str) -> str:
    """A name for files and their folder, as a person gave it.

    Raises:
        UsageError: it could lead out of the folder, or no file can have it.
    """
    if not re.fullmatch(r"[\w][\w .+-]{0,99}", name):
        raise UsageError(f"--name {name!r}: expected a letter or digit, then up to 99 of letters, digits, . _ - +")
    return name


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def data_words(data: str | None, test: Path | None) -> list[str]:
    """The options with which another command reads the same pictures."""
    return [*(["--data", data] if data else []), *(["--test", str(test)] if test else [])]


def picture_of(split: "Split") -> str:
    """A picture to try a file on: the first of ``split`` where it is a file, and else a word to replace."""
    names: list[str] = getattr(split, "picture_names", list)()
    return names[0] if names and Path(names[0]).is_file() else "PICTURE.png"


def say_notes(file: str, notes: Sequence[str | None]) -> None:
    for note in notes:
        if note is not None:
            console.say(f"{file}: {note}")
