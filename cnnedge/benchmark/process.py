"""The parent's side of the worker processes: start them, ask them, survive them.

One candidate, one fresh process. Whatever a candidate does to its process (a signal, an endless loop,
nonsense on the pipe), the parent notes the reason in ``failure`` and goes on with the others.
"""

import itertools
import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.channel import ChannelClosed, ChannelDamaged, ChannelTimeout, Message, receive, send
from cnnedge.children import module_command

# Importing TensorFlow takes 5 s on two cores and ten times that on a slow board with a cold disk.
TIME_LIMIT_S = 120.0
# A message that has begun is read to its end within this time; the pipe is local.
MESSAGE_SECONDS = 10.0

Report = Callable[["WorkerProcess", int, int], None]


class WorkerProcess:
    """A running worker. ``failure`` is None as long as it can be asked, then the reason why not."""

    _numbers = itertools.count()

    def __init__(self, candidate: Candidate, folder: Path) -> None:
        """Start the process; ``folder`` holds ``images.npy``, and takes its log and its probabilities."""
        self.candidate, self.folder = candidate, folder
        self.failure: str | None = None
        number = next(self._numbers)
        self.output = folder / f"{number}.npy"
        self._log = folder / f"{number}.log"
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                module_command("cnnedge.benchmark.worker", str(requests), str(replies)),
                pass_fds=(requests, replies),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(candidate),
                start_new_session=True,  # Ctrl-C is for the parent, which then ends its workers in order
            )
        os.close(requests)
        os.close(replies)

    def fileno(self) -> int:
        """The descriptor that becomes readable when a reply is there (for ``select``)."""
        return self._replies

    def import_request(self) -> Message:
        """The request to load the runtime."""
        return {"do": "import", "modules": self.candidate.imports}

    def open_request(self, classes: int, num_threads: int) -> Message:
        """The request to open the file."""
        return {
            "do": "open",
            "opener": self.candidate.opener,
            "options": self.candidate.options,
            "num_threads": num_threads,
            "images": str(self.folder / "images.npy"),
            "classes": classes,
        }

    def ask(self, request: Message) -> None:
        """Send a request; the answer is for ``read``."""
        try:
            send(self._requests, request)
        except ChannelClosed:
            self._died(request["do"])

    def read(self, doing: str) -> Message:
        """Read a message that has begun to arrive; an ``error`` in it becomes ``failure``."""
        try:
            message = receive(self._replies, MESSAGE_SECONDS)
        except ChannelClosed:
            self._died(doing)
            return {}
        except (ChannelDamaged, ChannelTimeout) as error:
            self.fail(f"its process sent nonsense ({str(error) or 'half a message'}) while asked to {doing}")
            return {}
        if "error" in message:
            self.fail(str(message["error"]))
        elif not (message.get("finished") or {"done", "total"} <= message.keys()):
            self.fail(f"its process sent nonsense ({', '.join(message) or 'nothing'}) while asked to {doing}")
        return message

    def fail(self, reason: str) -> None:
        """Note why this candidate has no figures and end its process."""
        self.failure = reason
        self.close()

    def close(self) -> None:
        """End the process, at once and whatever it is doing. Closing twice is fine."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for descriptor in (self._requests, self._replies):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._replies = -1

    def _died(self, doing: str) -> None:
        try:
            code = self._process.wait(timeout=MESSAGE_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"its process closed its pipe while asked to {doing}")
            return
        if code < 0:
            hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
            self.fail(f"its process was killed by {signal.Signals(-code).name}{hint} while asked to {doing}")
        else:
            self.fail(f"its process ended with exit code {code} while asked to {doing}{self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
        return f": {lines[-1].strip()}" if lines else ""


def ask_together(
    requests: Iterable[tuple[WorkerProcess, Message]],
    *,
    at_once: int = 1,
    seconds: float = TIME_LIMIT_S,
    report: Report = lambda worker, done, total: None,
) -> dict[WorkerProcess, Message]:
    """Send each request and collect the replies; at most ``at_once`` workers are busy at the same time.

    A worker that sends nothing for ``seconds`` is ended. The result lacks the workers that failed.
    """
    waiting = deque(requests)
    busy: dict[WorkerProcess, tuple[str, float]] = {}
    replies: dict[WorkerProcess, Message] = {}
    while waiting or busy:
        while waiting and len(busy) < at_once:
            worker, request = waiting.popleft()
            worker.ask(request)
            if worker.failure is None:
                busy[worker] = (request["do"], time.monotonic() + seconds)
        for worker in _ready(busy):
            message = worker.read(busy[worker][0])
            if worker.failure is not None or message.get("finished"):
                del busy[worker]
                if worker.failure is None:
                    replies[worker] = message
            else:
                busy[worker] = (busy[worker][0], time.monotonic() + seconds)
                report(worker, int(message["done"]), int(message["total"]))
        _end_late(busy, seconds)
    return replies


def _ready(busy: dict[WorkerProcess, tuple[str, float]]) -> list[WorkerProcess]:
    first_deadline = min((deadline for _, deadline in busy.values()), default=0.0)
    return select.select(list(busy), [], [], max(0.0, first_deadline - time.monotonic()))[0]


def _end_late(busy: dict[WorkerProcess, tuple[str, float]], seconds: float) -> None:
    now = time.monotonic()
    for worker in [worker for worker, (_, deadline) in busy.items() if deadline <= now]:
        doing, _ = busy.pop(worker)
        worker.fail(f"its process gave no answer within {seconds:g} s when asked to {doing}")


def _environment(candidate: Candidate) -> dict[str, str]:
    """The worker's environment: CPU figures come from the CPU even where a GPU is at hand."""
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if candidate.device == "cpu" else {}
    return {"TF_CPP_MIN_LOG_LEVEL": "2"} | dict(os.environ) | hidden
