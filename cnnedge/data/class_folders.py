"""Which picture files of a folder belong to which class: ``<folder>/<class>/**/<picture>``."""

import logging
import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from cnnedge.errors import DataError
from cnnedge.images.folders import LeftOut, files_below
from cnnedge.images.kinds import SUFFIXES, is_passed_over, is_picture_name

_log = logging.getLogger(__name__)


@dataclass
class ClassFiles:
    """The pictures of every class, by its name in Unicode's composed form; classes and files sorted."""

    folder: Path
    pictures: dict[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.pictures)


def list_classes(folder: Path) -> ClassFiles:
    """The picture files of every class below ``folder``.

    Pictures in folders within a class's folder are the class's; two folders whose names differ only in how accents are
    composed (NFC on Linux, NFD from a Mac) are one class. What is left out is said in a warning.

    Raises:
        DataError: no pictures, an empty class, or a name that no file could carry as a label.
    """
    found = ClassFiles(folder)
    others: list[str] = []
    left_out: list[str] = []
    for path in sorted(sub_folders(folder), key=lambda path: path.name):
        pictures = found.pictures.setdefault(label_of(path), [])
        for file in files_below(path):
            if isinstance(file, LeftOut):
                left_out.append(f"{file.path} {file.reason}")
            else:
                (pictures if is_picture_name(file) else others).append(file)
    others += [str(path) for path in pictures_in(folder)]
    _say_left_out(folder, others, left_out)
    found.pictures = dict(sorted(found.pictures.items()))
    _check(found)
    return found


def sub_folders(folder: Path) -> list[Path]:
    """The folders in ``folder``, linked ones too, without those that systems leave; not sorted."""
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir() and not is_passed_over(entry.name)]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie in ``folder`` itself, sorted."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_passed_over(entry.name) and is_picture_name(entry.name)]
    return [folder / name for name in sorted(names)]


def shown(text: str | Path) -> str:
    """``text`` on one line as it can be printed: bytes that are not UTF-8 as \\xNN, line breaks as \\n."""
    if isinstance(text, str) and text.isascii() and text.isprintable():  # nearly all, and there are millions
        return text
    readable = os.fsencode(text).decode("utf-8", "backslashreplace")
    if readable.isprintable():
        return readable
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in readable)


def label_of(path: Path) -> str:
    """The name of the class whose pictures a folder holds.

    Raises:
        DataError: no file could carry it as a label.
    """
    name = unicodedata.normalize("NFC", path.name)
    if not all(character.isprintable() for character in name):  # bytes that are not UTF-8 are not printable either
        raise DataError(
            f"the class folder {shown(path)} has a name with characters that are not printable or not UTF-8: rename "
            "it (names in Latin-1 by: convmv -f latin1 -t utf8 -r --notest FOLDER)"
        )
    return name


def _say_left_out(folder: Path, others: list[str], left_out: list[str]) -> None:
    if others:
        place = shown(Path(others[0]).relative_to(folder))
        _log.warning(
            "%s: %d files are no pictures of a class and are left out, %s among them", folder, len(others), place
        )
    for reason in left_out:
        _log.warning("%s", shown(reason))


def _check(found: ClassFiles) -> None:
    if not any(found.pictures.values()):
        raise DataError(
            f"{found.folder} holds no images, expected {found.folder}/<class>/<image> ({', '.join(sorted(SUFFIXES))})"
        )
    empty = [name for name, files in found.pictures.items() if not files]
    if empty:
        raise DataError(f"{found.folder / empty[0]} holds no images: add some or remove the folder")
    if len(found.pictures) == 1:
        raise DataError(f"{found.folder} holds one class, {found.names[0]}, expected at least two sub-folders")
