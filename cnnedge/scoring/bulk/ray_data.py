"""Parts labelled by actors of Ray Data: on this machine, or on a cluster that shares the folder of the parts."""

import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, MissingPackageError
from cnnedge.scoring.bulk.order import Order

_PATIENCE_S = 10.0


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

    Ray starts an actor that ended again, as often as it must; see ``attempts`` for the picture to blame.

    Args:
        address: of a cluster that runs already; None starts one here, which ends with this process.

    Raises:
        CnnedgeError: no such cluster, it vanished, or what an actor could not go on with.
    """
    require_ray()
    import ray
    from ray.exceptions import RayError

    try:
        ray.init(address=address, num_cpus=None if address else workers, include_dashboard=None if address else False,
                 log_to_driver=False, logging_level="error")  # fmt: skip
        try:
            _run(ray, order, list(parts), workers, report)
        finally:
            ray.shutdown()
    except (RayError, ConnectionError, ValueError) as error:
        reason = " ".join(str(error).split())[-300:]
        raise CnnedgeError(f"Ray: {reason}: what is labelled is kept; go on with --resume") from None


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
