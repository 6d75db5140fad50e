"""Which pictures the arguments of ``cnnedge predict`` name, and what is in each: one entry a picture, as they come."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import CnnedgeError, ImageError
from cnnedge.files import read_bounded
from cnnedge.images.decode import MAX_BYTES
from cnnedge.images.folders import LeftOut, files_below
from cnnedge.images.kinds import SUFFIXES, is_picture_name, told_suffixes

if TYPE_CHECKING:
    import numpy as np

STDIN = "-"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """``name`` is what the person called it; ``source`` is what to decode, or why there is nothing to decode."""

    name: str
    source: "str | bytes | np.ndarray | CnnedgeError"


def listed(images: list[str]) -> Iterator[Picture]:
    """Every picture that the arguments name, or what is wrong with an argument that names none."""
    for image in images:
        if not image:
            yield Picture("''", ImageError("'': an empty name, expected that of a picture or a folder"))
        elif image == STDIN:
            yield _standard_input()
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
    found, others = False, []
    for path in files_below(folder):
        if isinstance(path, LeftOut):
            yield Picture(path.path, ImageError(f"{path.path}: {path.reason}"))
        elif is_picture_name(path):
            yield Picture(path, path)
        else:
            others.append(path)
            continue
        found = True
    if others and found:
        said = f"{len(others):,} other files were left out" if len(others) > 1 else "another file was left out"
        _log.warning("%s: %s: %s; named one by one they are tried", folder, said, told_suffixes(others))
    if not found:
        reason = f"{folder}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})"
        yield Picture(folder, ImageError(reason))


def _standard_input() -> Picture:
    try:
        return Picture(STDIN, read_bounded(sys.stdin.buffer, MAX_BYTES, STDIN))
    except OSError as error:
        return Picture(STDIN, ImageError(f"{STDIN}: standard input {error.strerror}"))
