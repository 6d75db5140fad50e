"""What can be known of a folder of photos before one is decoded: how many there are, and how large they are."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cnnedge.errors import DataError
from cnnedge.images.folders import LeftOut, files_below
from cnnedge.images.headers import SAMPLE, size_of
from cnnedge.images.kinds import is_picture_name


@dataclass(frozen=True)
class Survey:
    """``pictures``: files with a picture's name. ``side``: the median of the smaller sides, in pixels."""

    pictures: int
    side: int


def survey(folder: Path) -> Survey:
    """Look at ``folder``, whatever its layout.

    Raises:
        DataError: it holds no picture that can be opened.
    """
    found = [file for file in files_below(folder) if not isinstance(file, LeftOut) and is_picture_name(file)]
    step = max(1, len(found) // SAMPLE)
    sides = [min(size) for file in found[::step] if (size := size_of(file))]
    if not sides:
        raise DataError(f"{folder} holds no pictures that can be read, expected {folder}/<class>/<image>")
    return Survey(len(found), round(median(sides)))
