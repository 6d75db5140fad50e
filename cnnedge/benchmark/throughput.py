"""Throughput: images a second with several threads and, where a file takes any number of images a call, with batches.

The settings of one file take turns in rounds, each time in another order, so that what slows the machine down hits all.
"""

import random

from cnnedge.benchmark.measurement import Measurement, Pairs, alive
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.process import WorkerProcess, ask_together
from cnnedge.documents import Throughput
from cnnedge.progress import Progress

THREADS = (1, 2, 4)
BATCHES = (1, 8, 32)
ROUNDS = 5
SECONDS_PER_TURN = 0.15

Setting = tuple[int, int]


def measure_throughput(pairs: Pairs, classes: int, plan: Plan, progress: Progress) -> None:
    """Measure every exported file in fresh processes, one for each number of threads."""
    measurements = [(worker, one) for worker, one in alive(pairs).items() if "source" in worker.candidate.options]
    for done, (worker, measurement) in enumerate(measurements):
        progress("throughput", done, len(measurements))
        fresh = {threads: WorkerProcess(worker.candidate, worker.folder) for threads in _threads(measurement)}
        try:
            _open(fresh, classes, plan)
            measurement.throughput = _take_turns(fresh, _batches(measurement), plan)
        finally:
            for one in fresh.values():
                one.close()
    progress("throughput", len(measurements), len(measurements))


def _threads(measurement: Measurement) -> tuple[int, ...]:
    """A GPU's speed is no matter of the CPU's threads."""
    return THREADS if measurement.candidate.device == "cpu" else (1,)


def _batches(measurement: Measurement) -> tuple[int, ...]:
    opened = measurement.opened
    return BATCHES if opened is not None and opened.single_ms == 0 else (1,)


def _open(workers: dict[int, WorkerProcess], classes: int, plan: Plan) -> None:
    for threads, worker in workers.items():
        for request in (worker.import_request(), worker.open_request(classes, threads)):
            if worker.failure is None:
                ask_together([(worker, request)], seconds=plan.time_limit_s)


def _take_turns(
    workers: dict[int, WorkerProcess], batches: tuple[int, ...], plan: Plan
) -> list[Throughput] | None:  # fmt: skip
    """The rounds of every setting, by threads and batch; None if a process failed."""
    rounds: dict[Setting, list[float]] = {(threads, batch): [] for threads in workers for batch in batches}
    for number in range(ROUNDS):
        for threads, batch in random.Random(number).sample(list(rounds), len(rounds)):
            worker = workers[threads]
            request = {"do": "throughput", "batch": batch, "seconds": SECONDS_PER_TURN}
            if worker.failure is None:
                reply = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker, {})
                rounds[threads, batch].append(float(reply.get("images_per_s", 0.0)))
    if any(worker.failure for worker in workers.values()):
        return None
    return [Throughput(*setting, [round(one, 3) for one in speeds]) for setting, speeds in rounds.items()]
