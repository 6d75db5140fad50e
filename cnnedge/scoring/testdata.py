"""Which test images a set of files is measured with."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import CnnedgeError, UsageError
from cnnedge.names import ExportName
from cnnedge.progress import Progress, silent

if TYPE_CHECKING:
    from cnnedge.data import Dataset


def choose_dataset(
    data: str | None, exported: list[Path], keras: list[Path], *, progress: Progress = silent
) -> "Dataset":
    """The dataset asked for, or the one that a file's passport or name points to.

    Raises:
        UsageError: no file points to a known dataset.
    """
    from cnnedge import data as datasets

    name = data or _named_dataset(exported, keras)
    return datasets.load(name, image_shape=_image_shape(name, exported), progress=progress)


def _named_dataset(exported: list[Path], keras: list[Path]) -> str:
    from cnnedge import data as datasets

    known = datasets.names()
    for file in (*exported, *keras):
        for name in _hints(file):
            if name in known:
                return name
    raise UsageError(f"no file says which images it was made for: add --data {'|'.join(known)} or --data DIR")


def _hints(file: Path) -> list[str]:
    """What a file says of its data: in the passport, in its name, in its folder's name."""
    from cnnedge.formats.model_file import open_model_file

    hints = [file.stem, file.resolve().parent.name]
    name = ExportName.parse(file)
    if name is not None:
        hints.insert(0, name.model)
    if file.suffix != ".keras":
        try:
            passport = open_model_file(file).passport
        except CnnedgeError:  # a damaged file gives no hint; its row will say what is wrong with it
            return hints
        if passport is not None:
            made_with = passport.made.get("data")
            named = [str(made_with.get("name", ""))] if isinstance(made_with, dict) else []
            hints = [*named, passport.model, *hints]
    return hints


def _image_shape(name: str, exported: list[Path]) -> tuple[int, int, int] | None:
    """(height, width, channels) of the first file that takes images as dataset ``name`` (or any folder) has them.

    None if there is none; the rows of the others will say what does not fit.
    """
    from cnnedge import data as datasets

    for file in exported:
        shape = _channels_last(file)
        if shape is not None and (name not in datasets.names() or datasets.has_shape(name, shape)):
            return shape
    return None


def _channels_last(file: Path) -> tuple[int, int, int] | None:
    """(height, width, channels) of the image that a file takes; None for a file that cannot be read."""
    from cnnedge.formats.model_file import open_model_file

    try:
        shape = open_model_file(file).facts.inputs[0].shape or ()
    except CnnedgeError:  # its row will say what is wrong with it
        return None
    sizes = [size for size in shape[1:] if size]
    if len(shape) != 4 or len(sizes) != 3:
        return None
    height, width, channels = sizes if sizes[2] in (1, 3) else (*sizes[1:], sizes[0])
    return height, width, channels
