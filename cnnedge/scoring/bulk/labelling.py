"""A million pictures labelled once each: listed, parted, labelled by an engine, counted."""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.sources import open_source, require_pyarrow
from cnnedge.lock import alone_in
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.bulk.attempts import FOLDER
from cnnedge.scoring.bulk.inventory import NAME, Inventory, write_inventory
from cnnedge.scoring.bulk.order import Order, settle
from cnnedge.scoring.bulk.processes import run_here
from cnnedge.scoring.bulk.tally import Tally, tally

# engine(order, parts, workers, report): ``run_here`` and ``run_on_ray``
Engine = Callable[[Order, Iterable[int], int, Callable[[int], None]], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labelled:
    """What is in the folder now, and what this run did: ``pictures`` in ``seconds``, listing and counting left out."""

    tally: Tally
    pictures: int
    seconds: float


def label_all(
    order: Order, *, workers: int = 1, engine: Engine = run_here, resume: bool = False, progress: Progress = silent
) -> Labelled:
    """Label every picture of ``order.source`` once, into Parquet parts in ``order.out``.

    A part is written in one step, and finished parts are never touched again: killed at any moment and called again
    with ``resume``, it leaves every picture once and no other.

    Raises:
        DataError: the source cannot be read, or names a picture twice.
        UsageError, FileExistsRefusal: ``order.out`` holds another labelling, or this one and ``resume`` is not asked.
        ModelError: the file cannot be used.
        CnnedgeError: a part cannot be written, or the workers cannot start; what is written stays.
    """
    require_pyarrow()
    file = order.open_file()
    with open_runner(file) as runner:  # what is wrong with the file is said before the long work
        names, remark = file.class_names(runner.num_classes), file.remark(runner.num_classes)
    source = open_source(order.source)
    if remark:
        _log.warning("%s", remark)
    with alone_in(order.out, "labelling"):
        settle(order, file, resume=resume)
        _remove_unfinished(order.out)
        if not (order.out / NAME).exists():
            for one in write_inventory(order.out / NAME, source, names, order.part_rows, progress):
                _log.warning("%s: %s", one.path, one.reason)
        inventory = Inventory(order.out / NAME)
        begun = time.perf_counter()
        pictures = _label(order, inventory, workers, engine, progress)
        seconds = time.perf_counter() - begun
        with suppress(OSError):
            (order.out / FOLDER).rmdir()
        return Labelled(tally(order, inventory, names), pictures, seconds)


def _label(order: Order, inventory: Inventory, workers: int, engine: Engine, progress: Progress) -> int:
    """Let ``engine`` make the parts that are not there; how many pictures those have."""
    missing = [part for part in range(inventory.parts) if not order.part(part).exists()]
    pictures = sum(map(inventory.rows, missing))
    before = inventory.pictures - pictures
    if missing:
        progress("label pictures", before, inventory.pictures)
        engine(order, missing, workers, lambda done: progress("label pictures", before + done, inventory.pictures))
    return pictures


def _remove_unfinished(folder: Path) -> None:
    """What killed processes were writing."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
