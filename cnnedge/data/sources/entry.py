"""What every source of many pictures is: a stream of entries, each with the place of a picture's bytes."""

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cnnedge.images.folders import LeftOut

if TYPE_CHECKING:
    import numpy as np

# The size of an entry that is a whole file.
WHOLE = -1


class Entry(NamedTuple):
    """One picture; a tuple, for a frozen dataclass takes four times as long to make, and there are millions.

    ``key`` names it in the results; ``file`` holds it, ``size`` bytes from ``offset`` on (``WHOLE``: all of the file),
    or in the row ``offset`` of a Parquet file. ``truth`` is the class that the source gives it, None where it gives
    none.
    """

    key: str
    file: str
    offset: int = 0
    size: int = WHOLE
    truth: str | None = None


class Source(Protocol):
    """Pictures in files, listed as a stream and read one at a time."""

    @property
    def may_repeat(self) -> bool:
        """Whether two of its pictures can have the same key."""

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry | LeftOut]:
        """Every picture, and what could not be searched. ``labels``: see ``class_of``.

        Raises:
            DataError: the source cannot be read at all.
        """

    def encoded(self, entry: Entry) -> "str | bytes | np.ndarray":
        """What ``images.decode`` takes for ``entry``: a path, the encoded bytes, or pixels. For any thread.

        Raises:
            OSError: it can no longer be read.
        """


Encoded = Callable[[Entry], "str | bytes | np.ndarray"]


def class_of(path: str, labels: Sequence[str] | None) -> str | None:
    """The class that the folders of ``path`` name: the innermost that is one of ``labels``; without ``labels``, the
    innermost."""
    folders = _folders(os.path.dirname(path))  # noqa: PTH120 (as text, and a Path for each folder alone)
    if labels is None:
        return folders[0] if folders else None
    return next((name for name in folders if name in labels), None)


@lru_cache
def _folders(path: str) -> tuple[str, ...]:
    """The names in the path of a folder, innermost first; kept, for its pictures come one after the other."""
    return tuple(unicodedata.normalize("NFC", name) for name in reversed(PurePath(path).parts))


def named_class(given: object, names: Sequence[str] | None) -> str | None:
    """A class as a label file or column gives it: its name, or its number in ``names``."""
    if given is None or given == "":
        return None
    text = unicodedata.normalize("NFC", str(given).strip())
    if names is None or text in names or not text.isdecimal() or int(text) >= len(names):
        return text
    return names[int(text)]
