"""A benchmark on many boards at once, over the user's own ``ssh``: one connection each, and nothing left behind."""

import contextlib
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from cnnedge.benchmark.fleet.hosts import Board
from cnnedge.benchmark.fleet.parcel import Parcel
from cnnedge.documents import BoardRun, read_document
from cnnedge.errors import CnnedgeError
from cnnedge.progress import Progress, silent

# Never a question to the person, for nobody sees it; a board that does not answer for a minute has failed.
_OPTIONS = (
    "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
)  # fmt: skip
_SECONDS_BETWEEN_LOOKS = 0.05
_LAST_WORDS = 20_000
_SSH_FAILED = 255
_NOT_FOUND = 127


def measure_boards(
    boards: Sequence[Board], parcel: Parcel, *, ssh: str = "ssh", progress: Progress = silent
) -> list[BoardRun]:
    """Measure ``parcel`` on all boards, in their order; a board that fails has its reason for a benchmark.

    ``ssh`` is the program with options of its own, as a shell would read it.

    Raises:
        CnnedgeError: there is no such program.
    """
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "parcel.tar"
        parcel.write(archive)
        calls = [_Call(board, Path(scratch) / f"{number}") for number, board in enumerate(boards)]
        try:
            for call in calls:
                script = parcel.script(call.board.command, archive.stat().st_size)
                call.start([*shlex.split(ssh), *_OPTIONS, "--"], archive, script)
            with contextlib.suppress(KeyboardInterrupt):  # what is measured is kept
                _wait(calls, progress)
        finally:
            for call in calls:
                call.end()
        return [call.outcome() for call in calls]


def _wait(calls: Sequence["_Call"], progress: Progress) -> None:
    running, before = len(calls), -1
    while running:
        running = sum(call.is_running for call in calls)
        if len(calls) - running != before:
            before = len(calls) - running
            progress("measure boards", before, len(calls))
        time.sleep(_SECONDS_BETWEEN_LOOKS)


class _Call:
    """One connection; what it prints goes into files beside ``place``."""

    def __init__(self, board: Board, place: Path) -> None:
        self.board = board
        self._answer, self._said = place.with_suffix(".json"), place.with_suffix(".txt")
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    def start(self, ssh: Sequence[str], archive: Path, script: str) -> None:
        with self._answer.open("wb") as answer, self._said.open("wb") as said:
            command = [*ssh, self.board.host, shlex.join(["sh", "-c", script])]
            try:
                # Ctrl-C is for us alone: a board that has just answered keeps its figures.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=answer, stderr=said, start_new_session=True
                )
            except OSError as error:
                raise CnnedgeError(f"{ssh[0]} cannot be started ({error.strerror}): install an ssh client") from None
        threading.Thread(target=self._give, args=(archive, self._process.stdin), daemon=True).start()

    @staticmethod
    def _give(archive: Path, taken: IO[bytes] | None) -> None:
        """Send the archive; ``taken`` stays open, which tells the board that somebody waits."""
        with contextlib.suppress(OSError), archive.open("rb") as given:
            if taken is not None:
                shutil.copyfileobj(given, taken)
                taken.flush()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        if self._process is not None and self.is_running:
            self._interrupted = True
            self._process.terminate()
            self._process.wait()

    def outcome(self) -> BoardRun:
        code = self._process.returncode if self._process is not None else None
        if self._interrupted:
            return BoardRun(self.board.host, "interrupted before it had answered", None)
        if code == _SSH_FAILED or not self._answer.stat().st_size:
            return BoardRun(self.board.host, self._why(code), None)
        try:
            return BoardRun(self.board.host, None, read_document(self._answer))
        except CnnedgeError as error:
            reason = str(error).replace(str(self._answer), "what it measured")
            return BoardRun(self.board.host, f"{reason}; is its cnnedge of this version?", None)

    def _why(self, code: int | None) -> str:
        host = self.board.host
        said = self._said.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace")
        if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
            return f"its host key has changed: if the board was set up anew, ssh-keygen -R {host} forgets the old key"
        if "Host key verification failed" in said:
            return f"its host key is not known here: connect once by hand (ssh {host}) and compare the fingerprint"
        if code == _SSH_FAILED and "Permission denied" in said:
            return f"ssh is not let in without a password: ssh-copy-id {host} puts your key there"
        if code == _NOT_FOUND:
            return f"{self.board.command} is not there: install cnnedge, or write its path behind {host}"
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (told or lines or [f"it ended with exit code {code} and said nothing"])[-1]
