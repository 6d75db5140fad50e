"""The phases of a benchmark: start the workers, open the files, classify the test set, time the calls."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnedge.benchmark.classify import classify
from cnnedge.benchmark.latency import TimingPlan, time_rounds
from cnnedge.benchmark.machine import read_load
from cnnedge.benchmark.measurement import Circumstances, Measurement, Pairs, alive
from cnnedge.benchmark.process import WorkerProcess, ask_together, cores
from cnnedge.progress import Progress


def measure(
    measurements: Sequence[Measurement],
    images: np.ndarray,
    classes: int,
    *,
    plan: TimingPlan,
    folder: Path,
    circumstances: Circumstances,
    progress: Progress,
) -> None:
    """Measure every candidate, in fresh processes, into ``measurements`` and ``circumstances``.

    Args:
        images: uint8 ``(N, H, W, C)``, pixels 0..255.
        folder: for temporary files.

    An interruption passes through, after the workers were ended; what was measured by then is kept.
    """
    np.save(folder / "images.npy", images)
    pairs: Pairs = {}
    try:
        for measurement in measurements:
            pairs[WorkerProcess(measurement.candidate, folder)] = measurement
        _import_runtimes(pairs, plan, progress)
        _open_files(pairs, classes, plan, progress)
        classify(pairs, len(images), classes, plan, progress)
        _time(pairs, plan, circumstances, progress)
    finally:
        for worker, measurement in pairs.items():
            measurement.failure = worker.failure
            worker.close()


def _import_runtimes(pairs: Pairs, plan: TimingPlan, progress: Progress) -> None:
    progress("start the runtimes", 0, len(pairs))
    ask_together([(worker, worker.import_request()) for worker in pairs], at_once=cores(), seconds=plan.time_limit_s)
    progress("start the runtimes", len(pairs), len(pairs))


def _open_files(pairs: Pairs, classes: int, plan: TimingPlan, progress: Progress) -> None:
    """Open one file after the other, with nothing else running: this is where load time is measured."""
    for done, (worker, measurement) in enumerate(alive(pairs).items()):
        progress("open the files", done, len(pairs))
        request = worker.open_request(classes, plan.num_threads)
        measurement.opened = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker)
    progress("open the files", len(pairs), len(pairs))


def _time(pairs: Pairs, plan: TimingPlan, circumstances: Circumstances, progress: Progress) -> None:
    workers = alive(pairs)
    if not workers:
        return
    circumstances.before = read_load()
    try:
        timings = {worker: measurement.timings for worker, measurement in workers.items()}
        time_rounds(list(workers), timings, plan, progress)
    finally:
        circumstances.after = read_load()
