"""Which pictures the arguments of ``cnnedge predict`` name, and what is in each: one entry a picture, as they come."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import CnnedgeError, ImageError

if TYPE_CHECKING:
    import numpy as np

# What a folder is searched for; a file named on the command line is tried whatever its suffix.
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
STDIN = "-"


@dataclass(frozen=True)
class Picture:
    """``name`` is what the person called it; ``source`` is what to decode, or why there is nothing to decode."""

    name: str
    source: "str | bytes | np.ndarray | CnnedgeError"


def listed(images: list[str]) -> Iterator[Picture]:
    """Every picture that the arguments name, or what is wrong with an argument that names none."""
    for image in images:
        if image == STDIN:
            yield Picture(image, sys.stdin.buffer.read())
        elif Path(image).is_dir():
            yield from _in_folder(image)
        elif not Path(image).exists() and any(sign in image for sign in "*?["):
            yield from _matching(image)
        else:
            yield Picture(image, image)


def watched(number: int) -> Iterator[Picture]:
    """What a camera sees, without end; an error each time it stops.

    Raises:
        CameraError: the camera cannot be opened at all.
    """
    from cnnedge.images.camera import watch

    for seen in watch(number):
        yield Picture(f"camera {number}", seen)


def _matching(pattern: str) -> Iterator[Picture]:
    # Path.glob takes no absolute pattern, and people write those.
    found = sorted(glob(pattern, recursive=True))  # noqa: PTH207
    for path in found:
        yield Picture(path, path)
    if not found:
        yield Picture(pattern, ImageError(f"{pattern}: matches no file"))


def _in_folder(folder: str) -> Iterator[Picture]:
    found = False
    unreadable: list[OSError] = []
    for path, folders, names in os.walk(folder, onerror=unreadable.append):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES:
                found = True
                whole = str(Path(path) / name)
                yield Picture(whole, whole)
    for error in unreadable:
        yield Picture(error.filename, ImageError(f"{error.filename}: {error.strerror}: this folder was left out"))
    if not found and not unreadable:
        reason = f"{folder}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})"
        yield Picture(folder, ImageError(reason))
