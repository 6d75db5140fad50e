"""Which picture is being looked at, on disk: what a process leaves when a picture kills it.

A picture that was being read when a process ended is tried once more, before all others; the second time it is given
up. The file lies beside the parts, so that it holds whichever engine starts the next process.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

FOLDER = "_attempts"
MOST_TRIES = 2
_NOBODY = -1


class Attempts:
    """The tries at the ``rows`` pictures of one part: int32, first the row in work, then the deaths at each row."""

    def __init__(self, out: Path, part: int, rows: int) -> None:
        self._path = out / FOLDER / f"part-{part:06d}"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        known = self._path.exists() and self._path.stat().st_size == 4 * (rows + 1)
        self._file = np.memmap(self._path, np.int32, "r+" if known else "w+", shape=(rows + 1,))
        if not known:
            self._file[0] = _NOBODY
        self._deaths = self._file[1:]
        if self._file[0] != _NOBODY:
            self._deaths[self._file[0]] += 1
            self._file[0] = _NOBODY

    def in_order(self) -> Iterator[int]:
        """The rows to look at: those at which a process ended first, and not those that have had all their tries."""
        suspects = np.flatnonzero((self._deaths > 0) & (self._deaths < MOST_TRIES)).tolist()
        for row in suspects:
            self._file[0] = row
            yield row
            self._deaths[row] = 0
        skipped = {*suspects, *self.given_up}
        for row in range(len(self._deaths)):
            if row not in skipped:
                self._file[0] = row
                yield row
        self.forgive()

    @property
    def given_up(self) -> list[int]:
        """The rows that have ended as many processes as they may."""
        return np.flatnonzero(self._deaths >= MOST_TRIES).tolist()

    def forgive(self) -> None:
        """The process ends, and not because of the picture in work."""
        self._file[0] = _NOBODY

    def __enter__(self) -> "Attempts":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The part is written: its file goes. An exception is no death."""
        self.forgive()
        if kind is None:
            self._path.unlink(missing_ok=True)
