"""The phases of a benchmark: start the workers, open the files, classify the test set, time the calls."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.latency import TimingPlan, Timings, time_rounds
from cnnedge.benchmark.machine import Load, read_load
from cnnedge.benchmark.process import WorkerProcess, ask_together
from cnnedge.progress import Progress

# One Keras file called in three ways is classified once; the other two ways must give the same
# probabilities on this many images. Sums of float32 in another order differ by about 1e-6; another model,
# or other pixels, by far more than 1e-3.
CHECKED_IMAGES = 32
SAME_PROBABILITY = 1e-3


@dataclass(eq=False)
class Measurement:
    """What was found out about one candidate; what is None was not measured."""

    candidate: Candidate
    opened: dict[str, Any] | None = None
    probabilities: np.ndarray | None = None
    shares_accuracy_with: str | None = None
    timings: Timings = field(default_factory=Timings)
    failure: str | None = None


@dataclass
class Circumstances:
    """The machine's load before and after the timed rounds; None where they were not reached."""

    before: Load | None = None
    after: Load | None = None


Pairs = dict[WorkerProcess, Measurement]


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
        for number, measurement in enumerate(measurements):
            pairs[WorkerProcess(measurement.candidate, folder, number)] = measurement
        _import_runtimes(pairs, plan, progress)
        _open_files(pairs, folder, classes, plan, progress)
        _classify(pairs, folder, plan, progress)
        _time(pairs, plan, circumstances, progress)
    finally:
        for worker, measurement in pairs.items():
            measurement.failure = worker.failure
            worker.close()


def _alive(pairs: Pairs) -> Pairs:
    return {worker: measurement for worker, measurement in pairs.items() if worker.failure is None}


def _import_runtimes(pairs: Pairs, plan: TimingPlan, progress: Progress) -> None:
    requests = [(worker, {"do": "import", "modules": worker.candidate.imports}) for worker in pairs]
    progress("start the runtimes", 0, len(pairs))
    ask_together(requests, at_once=_cores(), seconds=plan.time_limit_s)
    progress("start the runtimes", len(pairs), len(pairs))


def _open_files(pairs: Pairs, folder: Path, classes: int, plan: TimingPlan, progress: Progress) -> None:
    """Open one file after the other, with nothing else running: this is where load time is measured."""
    for done, (worker, measurement) in enumerate(_alive(pairs).items()):
        progress("open the files", done, len(pairs))
        request = {
            "do": "open",
            "opener": worker.candidate.opener,
            "options": worker.candidate.options,
            "num_threads": plan.num_threads,
            "images": str(folder / "images.npy"),
            "classes": classes,
        }
        measurement.opened = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker)
    progress("open the files", len(pairs), len(pairs))


def _classify(pairs: Pairs, folder: Path, plan: TimingPlan, progress: Progress) -> None:
    """Classify all images; one Keras file called in several ways is classified in one of them only."""
    representatives = _representatives(pairs)
    _evaluate(pairs, set(representatives.values()), folder, plan, progress)
    others = [worker for worker, representative in representatives.items() if worker is not representative]
    orphans = [worker for worker in others if representatives[worker].failure is not None]
    _evaluate(pairs, orphans, folder, plan, progress)
    for worker in set(others) - set(orphans):
        _share(worker, pairs[worker], pairs[representatives[worker]], plan)


def _evaluate(
    pairs: Pairs, workers: Iterable[WorkerProcess], folder: Path, plan: TimingPlan, progress: Progress
) -> None:
    """As many candidates at a time as there are cores: no clock runs here."""
    outputs = {worker: folder / f"{worker.number}.npy" for worker in pairs if worker in workers}
    ask_together(
        [(worker, {"do": "evaluate", "out": str(out)}) for worker, out in outputs.items()],
        at_once=max(1, _cores() // plan.num_threads),
        seconds=plan.time_limit_s,
        report=lambda worker, done, total: progress(f"classify {worker.candidate.label}", done, total),
    )
    for worker, out in outputs.items():
        if worker.failure is None:
            pairs[worker].probabilities = np.load(out)


def _representatives(pairs: Pairs) -> dict[WorkerProcess, WorkerProcess]:
    """For each worker the one that classifies the test set for it: itself, or, for a Keras file called in
    several ways, the last of them (the compiled function, the fastest)."""
    by_file: dict[str, WorkerProcess] = {}
    for worker in _alive(pairs):
        by_file[_accuracy_key(worker.candidate)] = worker
    return {worker: by_file[_accuracy_key(worker.candidate)] for worker in _alive(pairs)}


def _accuracy_key(candidate: Candidate) -> str:
    """Equal only for one Keras file called in several ways; everything else answers for itself."""
    if candidate.format == "keras" and candidate.mode and candidate.sha256:
        return f"{candidate.opener} {candidate.sha256}"
    return f"{id(candidate)}"


def _share(worker: WorkerProcess, measurement: Measurement, representative: Measurement, plan: TimingPlan) -> None:
    """Take the other row's probabilities once this way of calling was seen to give the same ones."""
    request = {"do": "check", "images": CHECKED_IMAGES}
    reply = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker)
    if reply is None:
        return
    shared = representative.probabilities
    found = np.array(reply["probabilities"])
    apart = float(np.abs(found - shared[:CHECKED_IMAGES]).max()) if shared is not None else 0.0
    if apart > SAME_PROBABILITY:
        worker.fail(f"its probabilities differ by {apart:.2g} from those of {representative.candidate.label}")
        return
    measurement.probabilities = shared
    measurement.shares_accuracy_with = representative.candidate.label


def _time(pairs: Pairs, plan: TimingPlan, circumstances: Circumstances, progress: Progress) -> None:
    alive = _alive(pairs)
    if not alive:
        return
    circumstances.before = read_load()
    try:
        timings = {worker: measurement.timings for worker, measurement in alive.items()}
        time_rounds(list(alive), timings, plan, progress)
    finally:
        circumstances.after = read_load()


def _cores() -> int:
    return os.cpu_count() or 1
