"""Machines that train one network together: who they are, what they tell each other, and what follows when one is lost.

They are processes of JAX, one a machine. Keras 3's ``fit`` does not run under TensorFlow's MultiWorkerMirroredStrategy
(keras-team/keras issue 20585; so it is with Keras 3.15 and TensorFlow 2.21).
"""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cnnedge.children import module_command
from cnnedge.errors import CnnedgeError, UsageError

# How long the others are waited for, and after which silence one counts as lost.
START_S, SILENCE_S = 300, 10
# Exit code of a worker that lost another one (EX_TEMPFAIL), and starts in a row that end within a minute.
LOST, MOST_STARTS = 75, 5
_CHILD = "CNNEDGE_WORKER"


@dataclass(frozen=True)
class Workers:
    """``addresses``: ``host:port`` of each; ``task``: which of them this one is. The first one writes the files."""

    addresses: tuple[str, ...]
    task: int

    def __post_init__(self) -> None:
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            if not (host and port.isdecimal()):
                raise UsageError(f"worker {address!r}: expected HOST:PORT, such as 192.168.1.20:5000")
        if len(set(self.addresses)) < max(2, len(self.addresses)):
            raise UsageError(f"workers {','.join(self.addresses)}: expected two or more, and none twice")
        if not 0 <= self.task < len(self.addresses):
            raise UsageError(
                f"task {self.task} of {len(self.addresses)} workers: expected 0 to {len(self.addresses) - 1}"
            )

    @property
    def is_first(self) -> bool:
        return self.task == 0


def asked_workers(text: str | None, task: int | None, environment: Mapping[str, str] = os.environ) -> Workers | None:
    """Who trains together: ``text``, ``HOST:PORT,HOST:PORT``, or else what ``TF_CONFIG`` names; None: this one alone.

    Raises:
        UsageError: one of the two cannot be read, or does not say which of the workers this one is.
    """
    if text is not None:
        addresses = tuple(map(str.strip, text.split(",")))
        return Workers(addresses, _own_task(addresses) if task is None else task)
    if task is not None:
        raise UsageError("--task is for --workers")
    told = environment.get("TF_CONFIG")
    return None if not told else _told(told)


def _told(text: str) -> Workers | None:
    try:
        told = json.loads(text)
        cluster, task = told["cluster"], told["task"]
        chiefs, workers = tuple(cluster.get("chief", ())), tuple(cluster.get("worker", ()))
        index = int(task["index"]) + (len(chiefs) if task["type"] == "worker" else 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"TF_CONFIG cannot be read ({type(error).__name__}: {error}): expected "
            '{"cluster": {"worker": ["HOST:PORT", ..]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    if task["type"] not in ("chief", "worker"):
        raise UsageError(f"TF_CONFIG names a task {task['type']!r}: expected chief or worker")
    return Workers(chiefs + workers, index) if len(chiefs + workers) > 1 else None


def _own_task(addresses: Sequence[str]) -> int:
    own = [number for number, address in enumerate(addresses) if _is_here(address.rpartition(":")[0])]
    if len(own) != 1:
        raise UsageError(f"--workers {','.join(addresses)}: {len(own)} of them are this machine: say which with --task")
    return own[0]


def _is_here(host: str) -> bool:
    """Whether a server of this machine could listen at ``host``."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as server:
            server.bind(found[0][4])
    except OSError:
        return False
    return True


@contextmanager
def joined(workers: Workers | None, say: Callable[[str], None]) -> Iterator[None]:
    """Be one of ``workers`` inside; before anything of JAX is used. An exception ends this process: the exit code is
    ``LOST`` where it came because another worker ended.

    Raises:
        UsageError: the backend is not JAX.
        CnnedgeError: not all of them came within five minutes.
    """
    if workers is None:
        yield
        return
    import keras

    if keras.backend.backend() != "jax":
        raise UsageError("--workers (or TF_CONFIG) trains on several machines with JAX alone: set KERAS_BACKEND=jax")
    import jax

    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    try:
        jax.distributed.initialize(
            workers.addresses[0], len(workers.addresses), workers.task,
            initialization_timeout=START_S, heartbeat_timeout_seconds=SILENCE_S,
        )  # fmt: skip
    except RuntimeError as error:
        raise CnnedgeError(f"the workers {','.join(workers.addresses)} did not meet ({_line(error)})") from None
    try:
        yield
        jax.distributed.shutdown()
    except BaseException as error:
        lost = isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)
        say(f"another worker was lost ({_line(error)})" if lost else f"error: {_line(error)}")
        os._exit(LOST if lost else getattr(error, "exit_code", 1))  # JAX would wait for the others, and then abort


def from_first(content: bytes) -> bytes:
    """What the first worker gave; every one must call it."""
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None or distribution.num_processes == 1:
        return content
    import numpy as np
    from jax.experimental.multihost_utils import broadcast_one_to_all

    size = int(broadcast_one_to_all(np.int32(len(content))))
    padded = np.frombuffer(content[:size].ljust(size, b"\0"), np.uint8)
    return np.asarray(broadcast_one_to_all(padded), np.uint8).tobytes()


def scratch() -> Path | None:
    """Where a worker that is not the first puts its files, in a process that ``supervise`` started; None in another."""
    return Path(os.environ[_CHILD]) if _CHILD in os.environ else None


def supervise(arguments: Sequence[str]) -> int:
    """Run the command ``arguments`` in a process of its own, and again with ``--resume`` whenever it is killed or lost
    another worker; its exit code.

    Raises:
        CnnedgeError: it ends again and again within a minute.
    """
    quick = 0
    with tempfile.TemporaryDirectory() as folder:
        while True:
            begun = time.monotonic()
            code = _run(arguments, folder)
            if code >= 0 and code != LOST:
                return code
            quick = quick + 1 if time.monotonic() - begun < 60 else 0
            if quick == MOST_STARTS:
                raise CnnedgeError(f"the training ended {quick} times in a row (exit code {code}): see above why")
            arguments = arguments if "--resume" in arguments else [*arguments, "--resume"]


def _run(arguments: Sequence[str], folder: str) -> int:
    with subprocess.Popen(module_command("cnnedge", *arguments), env=os.environ | {_CHILD: folder}) as child:
        try:
            return child.wait()
        finally:
            child.terminate()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
