"""Parts labelled by processes of this machine: the standard library's, each with one runner on one core."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from cnnedge.errors import CnnedgeError
from cnnedge.scoring.bulk.order import Order

# Starts in a row that end before a single picture, or workers in a row that break: then it is not the pictures.
_MOST_FAILED_STARTS = 3
_SECONDS_BETWEEN_REPORTS = 0.5
_PATIENCE_S = 5.0
# A fresh interpreter: what the caller has loaded, threads among it, does not come along.
_processes = get_context("spawn")


def run_here(order: Order, parts: Iterable[int], workers: int, report: Callable[[int], None]) -> None:
    """Label ``parts`` with ``workers`` processes; ``report`` is told how many pictures are done.

    A process that ends is replaced, and its part is begun again; see ``attempts`` for the picture to blame.

    Raises:
        CnnedgeError: what a worker could not go on with, or workers that end before their first picture.
    """
    crew = _Crew(order, deque(parts), report)
    try:
        crew.work(workers)
    finally:
        crew.end()


class _Crew:
    def __init__(self, order: Order, waiting: deque[int], report: Callable[[int], None]) -> None:
        self._order, self._waiting, self._report = order, waiting, report
        self._workers: dict[Connection, _Worker] = {}
        self._done, self._failed_starts, self._broken, self._last_words = 0, 0, 0, ""

    def work(self, workers: int) -> None:
        for _ in range(min(workers, len(self._waiting))):
            self._start()
        while self._workers:
            for connection in wait(list(self._workers)):
                worker = self._workers[connection]  # type: ignore[index]
                try:
                    self._hear(worker, *worker.connection.recv())
                except (EOFError, ConnectionResetError, BrokenPipeError):
                    self._bury(worker)
            self._report(self._done + sum(worker.rows for worker in self._workers.values()))

    def _hear(self, worker: "_Worker", word: str, value: Any) -> None:
        if word == "failed":
            raise value
        if word == "broken":  # its end follows
            self._broken, self._last_words = self._broken + 1, f", {value}"
            return
        self._failed_starts = 0
        if word == "rows":
            worker.rows = value
            return
        if word == "part":
            self._done, self._broken = self._done + value, 0
        if not worker.take(self._waiting):
            del self._workers[worker.connection]
            worker.end()

    def _bury(self, worker: "_Worker") -> None:
        del self._workers[worker.connection]
        code = worker.end()
        self._failed_starts += 1
        if max(self._failed_starts, self._broken) > _MOST_FAILED_STARTS:
            reason = f"exit code {code}{self._last_words}"
            raise CnnedgeError(f"workers end before they label a picture ({reason}): is there memory for them?")
        if worker.part is not None:
            self._waiting.appendleft(worker.part)
        if self._waiting:
            self._start()

    def _start(self) -> None:
        worker = _Worker(self._order)
        self._workers[worker.connection] = worker

    def end(self) -> None:
        for worker in self._workers.values():
            worker.end()


class _Worker:
    """One process; ``part`` is what it works on, of which ``rows`` pictures are done."""

    def __init__(self, order: Order) -> None:
        self.part: int | None = None
        self.rows = 0
        self.connection, theirs = _processes.Pipe()
        self._life, its_life = _processes.Pipe()
        self._process = _processes.Process(target=_work, args=(order, theirs, its_life), daemon=True)
        self._process.start()
        theirs.close()
        its_life.close()

    def take(self, waiting: deque[int]) -> bool:
        """Begin the next part, if there is one."""
        self.part, self.rows = (waiting.popleft() if waiting else None), 0
        if self.part is not None:
            self.connection.send(self.part)
        return self.part is not None

    def end(self) -> int | None:
        """End the process, which forgives the picture in work; its exit code."""
        self._life.close()
        self.connection.close()
        self._process.join(_PATIENCE_S)
        self._process.kill()
        self._process.join()
        return self._process.exitcode


def _work(order: Order, connection: Connection, life: Connection) -> None:
    """The worker: labels the parts that it is sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the driver decides
    from cnnedge.scoring.bulk.part import Labeller

    try:
        labeller = Labeller(order)
        threading.Thread(target=_end_with_driver, args=(life, labeller), daemon=True).start()
        connection.send(("ready", 0))
        for part in _sent(connection):
            connection.send(("part", labeller.label(part, _throttled(connection))))
    except (BrokenPipeError, ConnectionResetError):
        return
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"{where}{error.strerror or error}: what is labelled is kept; put that right, then add --resume"
        connection.send(("failed", CnnedgeError(message)))
    except CnnedgeError as error:
        connection.send(("failed", CnnedgeError(str(error))))
    # Out of memory has many names: MemoryError, a library that "cannot be mapped", a thread that "can't start".
    except Exception as error:
        connection.send(("broken", f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"))
        sys.exit(1)


def _sent(connection: Connection) -> Iterator[int]:
    while True:
        try:
            yield connection.recv()
        except (EOFError, ConnectionResetError):
            return


def _throttled(connection: Connection) -> Callable[[int], None]:
    last = time.monotonic()

    def report(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_REPORTS:
            last = time.monotonic()
            connection.send(("rows", rows))

    return report


def _end_with_driver(life: Connection, labeller: Any) -> None:
    """Wait until the driver closes its end, or is killed, and end this process at once."""
    try:
        life.recv()
    except (EOFError, OSError):
        attempts = labeller.attempts
        if attempts is not None:
            attempts.forgive()
        os._exit(0)
