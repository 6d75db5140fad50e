"""The list of boards: a line each, with the name that ``ssh`` knows it by, and how cnnedge starts there."""

from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import DataError, UsageError


@dataclass(frozen=True)
class Board:
    """A machine that ``ssh host`` reaches; ``command`` is cnnedge there, in words of its shell."""

    host: str
    command: str = "cnnedge"

    def __post_init__(self) -> None:
        if self.host.startswith("-"):
            raise UsageError(f"{self.host!r} is an option of ssh, expected a host such as pi@192.168.1.20")


def read_hosts(path: Path) -> list[Board]:
    """The boards of a text: ``HOST`` or ``HOST COMMAND`` a line; a line that starts with ``#`` is passed over.

    Raises:
        DataError: the text cannot be read.
        UsageError: it names no board, or one twice.
    """
    try:
        lines = [line.split(maxsplit=1) for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise DataError(f"{path} cannot be read ({reason}): expected a text with a host a line") from None
    boards = [Board(*map(str.strip, words)) for words in lines if words and not words[0].startswith("#")]
    if not boards:
        raise UsageError(f"{path} names no host: expected a line each, such as pi@192.168.1.20")
    hosts = [board.host for board in boards]
    twice = next((host for host in hosts if hosts.count(host) > 1), None)
    if twice is not None:
        raise UsageError(f"{path} names {twice} twice, and one board measures one thing at a time: remove a line")
    return boards
