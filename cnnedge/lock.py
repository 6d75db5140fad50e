"""One piece of work at a time in a folder: two trainings would mix their histories, and overwrite what the other
keeps for its resumption."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cnnedge.errors import CnnedgeError

# Folders that this process holds: what calls a work may have locked its folder already.
_held: set[Path] = set()


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """Hold ``folder``, which is made if it is not there, against every other process that does the same ``work``
    (``training``, ``labelling``); it is free again when the process ends, however it ends.

    Raises:
        CnnedgeError: another process holds it; the message has its number.
    """
    path = folder.resolve() / f".{work}.lock"
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, work):
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
            path.unlink(missing_ok=True)


def refuse_held(folder: Path, work: str) -> None:
    """Say what ``alone_in`` would say, at once and without taking anything: for before the long work.

    Raises:
        CnnedgeError: another process holds ``folder`` for this ``work``.
    """
    import fcntl

    path = folder.resolve() / f".{work}.lock"
    if path in _held or not path.is_file():
        return
    with path.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CnnedgeError(_refusal(stream, path, work)) from None


def _locked(path: Path, work: str) -> IO[str]:
    """The open file at ``path``, locked until it is closed, with this process's number in it."""
    import fcntl  # POSIX alone, as are those who call

    while True:
        stream = path.open("a+")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with stream:
                raise CnnedgeError(_refusal(stream, path, work)) from None
        if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            break
        stream.close()  # its last holder removed it between our opening and our locking it
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    return stream


def _refusal(stream: IO[str], path: Path, work: str) -> str:
    stream.seek(0)
    return (
        f"process {stream.read() or '(number unknown)'} is {work} in {path.parent}: "
        f"wait until it ends, stop it, or choose another --out"
    )
