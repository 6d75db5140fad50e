"""The phases of a benchmark: start the workers, open the files, classify the test set, time the calls.

Sustained load follows where it was asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.benchmark.classify import classify, representatives
from cnnedge.benchmark.latency import time_round, warm_up
from cnnedge.benchmark.measurement import Circumstances, Measurement, Opened, Pairs, Profiled, alive
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.power import draw_power
from cnnedge.benchmark.process import WorkerProcess, ask_together
from cnnedge.benchmark.sustained import sustain
from cnnedge.benchmark.throughput import measure_throughput
from cnnedge.data import Split
from cnnedge.machine.hardware import read_load
from cnnedge.progress import Progress
from cnnedge.records import from_json

# Pictures written at once: 38 MB at 224 x 224 pixels in colour.
_BLOCK = 256


def measure(
    measurements: Sequence[Measurement],
    split: Split,
    classes: int,
    *,
    plan: Plan,
    folder: Path,
    circumstances: Circumstances,
    progress: Progress,
) -> None:
    """Measure every candidate, in fresh processes, into ``measurements`` and ``circumstances``.

    Args:
        split: the pictures to classify.
        folder: for temporary files.

    An interruption passes through, after the workers were ended; what was measured by then is kept.
    """
    _write_images(split, folder / "images.npy")
    pairs: Pairs = {}
    try:
        for measurement in measurements:
            pairs[WorkerProcess(measurement.candidate, folder)] = measurement
        _import_runtimes(pairs, plan, progress)
        _open_files(pairs, classes, plan, progress)
        classify(pairs, len(split), classes, plan, progress)
        _time(pairs, classes, plan, circumstances, progress)
        if plan.layers:
            _profile_layers(pairs, classes, plan, progress)
        if plan.throughput:
            measure_throughput(pairs, classes, plan, progress)
        draw_power(pairs, plan, progress)
        if plan.sustained_s:
            sustain(pairs, plan, circumstances, progress)
    finally:
        for worker, measurement in pairs.items():
            measurement.failure = worker.failure
            worker.close()


def _write_images(split: Split, path: Path) -> None:
    """The pixels of ``split`` as a ``.npy`` file, from which the workers take what they need."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(split), *split.image_shape)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for images, _ in split.batches(_BLOCK):
            file.write(np.ascontiguousarray(images).data)


def _import_runtimes(pairs: Pairs, plan: Plan, progress: Progress) -> None:
    progress("start the runtimes", 0, len(pairs))
    _import(pairs, plan)
    progress("start the runtimes", len(pairs), len(pairs))


def _open_files(pairs: Pairs, classes: int, plan: Plan, progress: Progress) -> None:
    """Open one file after the other, with nothing else running: this is where load time is measured."""
    for done, (worker, measurement) in enumerate(alive(pairs).items()):
        progress("open the files", done, len(pairs))
        request = worker.open_request(classes, plan.num_threads)
        reply = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker)
        measurement.opened = None if reply is None else _opened(worker, reply)
    progress("open the files", len(pairs), len(pairs))


def _opened(worker: WorkerProcess, reply: dict[str, Any]) -> Opened | None:
    try:
        return from_json(Opened, reply)
    except ValueError as error:
        worker.fail(f"its process sent nonsense when asked to open ({error})")
        return None


def _time(pairs: Pairs, classes: int, plan: Plan, circumstances: Circumstances, progress: Progress) -> None:
    """Time the rounds, with every candidate in a fresh process each time ``plan`` says so."""
    if not alive(pairs):
        return
    circumstances.before = read_load()
    try:
        for round in range(plan.rounds):
            if round == 0 or plan.process_of(round) != plan.process_of(round - 1):
                progress(f"warm up, start {plan.process_of(round) + 1}", 0, len(pairs))
                if round:
                    _start_afresh(pairs, classes, plan)
                warm_up(list(alive(pairs)), plan)
            progress("timing round", round, plan.rounds)
            timings = {worker: measurement.timings for worker, measurement in alive(pairs).items()}
            time_round(list(timings), timings, round, plan)
        progress("timing round", plan.rounds, plan.rounds)
    finally:
        circumstances.after = read_load()


def _start_afresh(pairs: Pairs, classes: int, plan: Plan) -> None:
    """Replace the processes of ``pairs`` by fresh ones with the same files, opened.

    A Keras file called in several ways is started afresh in its fastest way only, which the speed-ups refer to:
    importing TensorFlow takes 5 s each time, and nobody decides by the interval of a way that is 50 times slower.
    """
    fresh: Pairs = {}
    for worker, representative in representatives(pairs).items():
        if worker is not representative:
            continue
        worker.close()
        renewed = WorkerProcess(worker.candidate, worker.folder)
        fresh[renewed] = pairs[renewed] = pairs.pop(worker)
        pairs[renewed].starts += 1
    _import(fresh, plan)
    requests = [(worker, worker.open_request(classes, plan.num_threads)) for worker in alive(fresh)]
    ask_together(requests, at_once=plan.at_once, seconds=plan.time_limit_s)


def _import(pairs: Pairs, plan: Plan) -> None:
    requests = [(worker, worker.import_request()) for worker in pairs]
    ask_together(requests, at_once=plan.at_once, seconds=plan.time_limit_s)


def _profile_layers(pairs: Pairs, classes: int, plan: Plan, progress: Progress) -> None:
    """Time the operators of every exported file on the CPU; a measurement without them says why.

    In a process of its own each: a profiler that crashes costs nothing but its figures.
    """
    measurements = {worker: one for worker, one in alive(pairs).items() if "source" in worker.candidate.options}
    for done, (worker, measurement) in enumerate(measurements.items()):
        progress("time per layer", done, len(measurements))
        if worker.candidate.device != "cpu":
            measurement.unprofiled = "the runtimes' profilers time the CPU's operators only"
            continue
        fresh = WorkerProcess(worker.candidate, worker.folder)
        try:
            measurement.profiled = _profiled(fresh, classes, plan)
            measurement.unprofiled = fresh.failure
        finally:
            fresh.close()
    progress("time per layer", len(measurements), len(measurements))


def _profiled(worker: WorkerProcess, classes: int, plan: Plan) -> Profiled | None:
    request = {"do": "profile", "source": worker.candidate.options["source"]}
    for one in (worker.import_request(), worker.open_request(classes, plan.num_threads), request):
        reply = ask_together([(worker, one)], seconds=plan.time_limit_s).get(worker)
        if reply is None:
            return None
    try:
        return from_json(Profiled, reply)
    except ValueError as error:
        worker.fail(f"its process sent nonsense when asked to profile ({error})")
        return None
