"""A picture a file: all of a folder, what a pattern matches, what a text lists, what lies at an address."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import iglob
from pathlib import Path

from cnnedge.data.class_folders import shown
from cnnedge.data.sources.entry import Entry, class_of, named_class
from cnnedge.data.sources.remote import files_at, is_address, read_whole
from cnnedge.errors import DataError
from cnnedge.images.folders import LeftOut, files_below
from cnnedge.images.kinds import is_picture_name


class PlainFiles:
    """Pictures that are files; ``listing`` gives each with the class that is said of it, or None."""

    def __init__(self, listing: Callable[[], Iterable[tuple[str, str | None] | LeftOut]], *, may_repeat: bool) -> None:
        self._listing = listing
        self.may_repeat = may_repeat

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry | LeftOut]:
        for found in self._listing():
            if isinstance(found, LeftOut):
                yield found
            else:
                path, given = found
                yield Entry(shown(path), path, truth=named_class(given, labels) or class_of(path, labels))

    def encoded(self, entry: Entry) -> str | bytes:
        return read_whole(entry.file) if is_address(entry.file) else entry.file


def folder(path: str) -> PlainFiles:
    """The pictures below a folder, as its file system lists them."""

    def listing() -> Iterator[tuple[str, None] | LeftOut]:
        for found in files_below(path, in_order=False):
            if isinstance(found, LeftOut):
                yield found
            elif is_picture_name(found):
                yield found, None

    return PlainFiles(listing, may_repeat=False)


def address(where: str) -> PlainFiles:
    """The pictures below an address."""
    return PlainFiles(lambda: ((one, None) for one in files_at(where) if is_picture_name(one)), may_repeat=False)


def pattern(text: str) -> PlainFiles:
    """The files that a pattern matches; ``**`` is any number of folders."""
    return PlainFiles(lambda: ((path, None) for path in matches(text) if is_picture_name(path)), may_repeat=False)


def matches(text: str) -> Iterator[str]:
    """What a pattern matches, not sorted."""
    # Path.glob takes no absolute pattern, and people write those.
    return iglob(text, recursive=True)  # noqa: PTH207


def text_list(path: str) -> PlainFiles:
    """The files that a text names, one a line, and after a tab the class, if it is known.

    Relative paths start at the text's folder if the first one is there, else at the current one.
    """
    return PlainFiles(lambda: _lines(Path(path)), may_repeat=True)


def _lines(path: Path) -> Iterator[tuple[str, str | None]]:
    start: Path | None = None
    try:
        with path.open("rb") as stream:
            for line in stream:
                name, _, given = line.rstrip(b"\r\n").partition(b"\t")
                if not name.strip():
                    continue
                file = os.fsdecode(name)
                if start is None:
                    start = path.parent if (path.parent / file).exists() else Path()
                yield file if is_address(file) else str(start / file), given.decode("utf-8", "replace")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected a text with a path a line") from None
