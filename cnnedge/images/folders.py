"""Every file below a folder, in order, each once, whatever links lead where."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnnedge.images.kinds import is_passed_over


@dataclass(frozen=True)
class LeftOut:
    """A folder that was not searched, and why."""

    path: str
    reason: str


def files_below(folder: str | Path, *, in_order: bool = True) -> Iterator[str | LeftOut]:
    """The files of ``folder``, sorted, then those of its sub-folders, sorted; what systems leave is passed over.

    A linked folder is followed once, and not if it leads back to where the search is already. A ``LeftOut``
    stands for each folder that is not searched. Without ``in_order`` files come as the file system lists them, and
    only the sub-folders are held in memory: a folder may have millions.
    """
    searched = [os.path.realpath(folder)]
    waiting = [str(folder)]
    while waiting:
        path = waiting.pop()
        folders: list[os.DirEntry[str]] = []
        try:
            with os.scandir(path) as found:
                wanted: Iterable[os.DirEntry[str]] = (entry for entry in found if not is_passed_over(entry.name))
                for entry in sorted(wanted, key=_name) if in_order else wanted:
                    if _is_folder(entry):
                        folders.append(entry)
                    else:
                        yield entry.path
        except OSError as error:
            yield LeftOut(path, f"{error.strerror}: this folder was left out")
            continue
        inner = []
        for entry in sorted(folders, key=_name):
            if entry.is_symlink() and not _is_new(entry.path, searched):
                yield LeftOut(entry.path, "links to a folder that is searched already: it was left out")
            else:
                inner.append(entry.path)
        waiting += reversed(inner)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_new(link: str, searched: list[str]) -> bool:
    """Whether ``link`` leads to none of the folders in ``searched``, nor into or above one; it is added to them."""
    target = os.path.realpath(link)
    if any(target == known or Path(target) in Path(known).parents or Path(known) in Path(target).parents
           for known in searched):  # fmt: skip
        return False
    searched.append(target)
    return True
