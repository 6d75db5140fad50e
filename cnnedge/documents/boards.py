"""What many boards measured of the same files, in one document."""

from dataclasses import dataclass
from pathlib import Path

from cnnedge.documents.whole import SCHEMA, Document, read_content
from cnnedge.errors import DataError
from cnnedge.records import always, from_json, write_record


@dataclass(frozen=True)
class BoardRun:
    """One board: its ``benchmark``, or the ``error`` for which there is none."""

    host: str
    error: str | None
    benchmark: Document | None


@dataclass(frozen=True)
class FleetRun:
    """All boards, in the order in which they were named."""

    boards: list[BoardRun]
    schema: int = always(SCHEMA)

    @property
    def measured(self) -> dict[str, Document]:
        """The benchmarks by host."""
        return {board.host: board.benchmark for board in self.boards if board.benchmark is not None}

    @property
    def failures(self) -> dict[str, str]:
        """Why there is no benchmark, by host."""
        return {board.host: board.error for board in self.boards if board.error is not None}

    def write(self, path: Path) -> None:
        write_record(path, self)


def read_boards(path: Path) -> FleetRun | None:
    """What ``cnnedge fleet --json`` wrote, or None for another document.

    Raises:
        DataError: the file cannot be read, is no document of this schema, or damaged.
    """
    content = read_content(path)
    if "boards" not in content:
        return None
    try:
        return from_json(FleetRun, content)
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): run cnnedge fleet again") from None
