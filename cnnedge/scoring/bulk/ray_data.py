"""Parts labelled by actors of Ray Data: on this machine, or on a cluster that shares the folder of the parts."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, MissingPackageError
from cnnedge.scoring.bulk.order import Order

_PATIENCE_S = 10.0
_processes = get_context("spawn")


def require_ray() -> None:
    """Raises:
    MissingPackageError: Ray Data is not installed.
    """
    # No word about this user's machine to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray.data  # noqa: F401
    except ImportError:
        raise MissingPackageError("ray", "scale") from None


def require_cluster(address: str) -> None:
    """See that something listens at ``host:port``: Ray itself tries for minutes.

    Raises:
        CnnedgeError: nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):  # "auto", or what Ray will say itself
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise CnnedgeError(
            f"no Ray cluster answers at {address} ({error}): start one (ray start --head), or leave --ray-address out"
        ) from None


def run_on_ray(
    order: Order, parts: Iterable[int], workers: int, report: Callable[[int], None], address: str | None = None
) -> None:
    """Label ``parts`` with ``workers`` actors; ``report`` is told how many pictures are done, after each part.

    Ray starts an actor that ended again, as often as it must; see ``attempts`` for the picture to blame. Ray's driver
    is a process of its own: when its cluster goes, Ray ends the driver without a word, at once or after a minute.

    Args:
        address: of a cluster that runs already; None starts one here, which ends with this process.

    Raises:
        CnnedgeError: no such cluster, it vanished, or what an actor could not go on with.
    """
    require_ray()
    ours, theirs = _processes.Pipe(duplex=True)
    driver = _processes.Process(target=_drive, args=(order, list(parts), workers, address, theirs))
    driver.start()
    theirs.close()
    try:
        for done in iter(ours.recv, "all"):
            if isinstance(done, CnnedgeError):
                raise done
            report(done)
    except (EOFError, ConnectionResetError):
        driver.join(_PATIENCE_S)
        raise CnnedgeError(
            f"Ray ended (exit code {driver.exitcode}): its cluster has vanished, or memory is short: what is labelled "
            "is kept; go on with --resume"
        ) from None
    finally:
        driver.terminate()
        driver.join(_PATIENCE_S)
        driver.kill()


def _drive(order: Order, parts: list[int], workers: int, address: str | None, caller: Connection) -> None:
    """Ray's driver: sends ``caller`` the pictures that are done, at last ``"all"`` or the error that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the caller decides
    threading.Thread(target=_end_with, args=(caller,), daemon=True).start()
    _be_silent()
    import ray

    try:
        # Without an address Ray would join whatever cluster was started here last.
        here = {} if address else {"num_cpus": workers, "include_dashboard": False}
        ray.init(address=address or "local", log_to_driver=False, **here)
        _run(ray, order, parts, workers, caller.send)
        caller.send("all")
    except Exception as error:  # Ray's, those of its parts, and a machine's: none may pass for a vanished cluster
        reason = " ".join(str(error).split())[-300:] or type(error).__name__
        if isinstance(error, ConnectionError) and "RAY_AUTH_MODE" not in os.environ:
            reason += " (one that wants a token is reached with RAY_AUTH_MODE=token)"
        caller.send(CnnedgeError(f"Ray: {reason}: what is labelled is kept; go on with --resume"))
    finally:
        ray.shutdown()


def _end_with(caller: Connection) -> None:
    """End this process, and with it its actors, when ``caller`` has closed its end or was killed."""
    try:
        caller.recv()
    except (EOFError, OSError):
        os._exit(1)


def _be_silent() -> None:
    """Ray writes of each part and of each process to standard output and error; its own log keeps all of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _run(ray: Any, order: Order, parts: list[int], workers: int, report: Callable[[int], None]) -> None:
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    numbers = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    # Ray Data itself starts an actor again, and gives it the part again, without limit.
    labelled = numbers.map_batches(
        _Actor, fn_constructor_args=(order,), batch_size=1, num_cpus=1,
        compute=ActorPoolStrategy(min_size=min(workers, len(parts)), max_size=workers),
    )  # fmt: skip
    done = 0
    for row in labelled.iter_rows():
        done += int(row["rows"])
        report(done)


class _Actor:
    def __init__(self, order: Order) -> None:
        from cnnedge.scoring.bulk.part import Labeller

        self._labeller = Labeller(order)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"rows": np.array([self._labeller.label(int(part)) for part in batch["part"]])}
