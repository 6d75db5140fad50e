"""Classifying the whole test set with every candidate, on all cores: no clock runs here.

A file whose runtime has no fast kernels (int16x8 takes 20 ms an image where int8 takes 0.2) would keep one
core busy for minutes while the others idle, so its images are shared out over helpers: more processes with
the same file.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from cnnedge.benchmark.measurement import Measurement, Pairs, alive
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.process import WorkerProcess, ask_together
from cnnedge.progress import Progress

# One Keras file called in three ways is classified once; the other two ways must give the same
# probabilities on this many images. Sums of float32 in another order differ by about 1e-6; another model,
# or other pixels, by far more than 1e-3.
CHECKED_IMAGES = 32
SAME_PROBABILITY = 1e-3
# Starting a helper takes about a second; below this it is not worth it.
SLOW_SECONDS = 30.0


def classify(pairs: Pairs, images: int, classes: int, plan: Plan, progress: Progress) -> None:
    """Put the probabilities, float32 ``(images, classes)``, into every measurement whose worker is alive.

    One Keras file called in several ways is classified in one of them only, if the others are seen to agree.
    """
    chosen_by = representatives(pairs)
    _evaluate(pairs, dict.fromkeys(chosen_by.values()), images, classes, plan, progress)
    others = [worker for worker, representative in chosen_by.items() if worker is not representative]
    orphans = [worker for worker in others if chosen_by[worker].failure is not None]
    _evaluate(pairs, orphans, images, classes, plan, progress)
    for worker in others:
        if worker not in orphans:
            _share(worker, pairs[worker], pairs[chosen_by[worker]], plan)


def representatives(pairs: Pairs) -> dict[WorkerProcess, WorkerProcess]:
    """For each worker the one that classifies for it: itself, or, for a Keras file called in several ways,
    the last of them (the compiled function, the fastest)."""
    by_file = {_accuracy_key(worker): worker for worker in alive(pairs)}
    return {worker: by_file[_accuracy_key(worker)] for worker in alive(pairs)}


def _accuracy_key(worker: WorkerProcess) -> str:
    """Equal only for one Keras file called in several ways; everything else answers for itself."""
    candidate = worker.candidate
    if candidate.format == "keras" and candidate.mode and candidate.sha256:
        return f"{candidate.opener} {candidate.sha256}"
    return f"{id(worker)}"


def _evaluate(
    pairs: Pairs, workers: Iterable[WorkerProcess], images: int, classes: int, plan: Plan, progress: Progress
) -> None:
    at_once = plan.at_once
    shares: dict[WorkerProcess, list[WorkerProcess]] = {}
    try:
        for worker in workers:
            opened = pairs[worker].opened
            slow = opened is not None and images > at_once > 1 and opened.single_ms * images > 1000 * SLOW_SECONDS
            shares[worker] = [worker, *(_helpers(worker, at_once - 1, classes, plan) if slow else [])]
        _ask_shares(shares, images, at_once, plan, progress)
        for worker, team in shares.items():
            failed = next((one.failure for one in team if one.failure is not None), None)
            if failed is None:
                found = np.concatenate([np.load(one.output) for one in team])
                columns = pairs[worker].columns
                pairs[worker].probabilities = found if columns is None else found[:, columns]
            elif worker.failure is None:
                worker.fail(failed)
    finally:
        for team in shares.values():
            for helper in team[1:]:
                helper.close()


def _helpers(worker: WorkerProcess, count: int, classes: int, plan: Plan) -> list[WorkerProcess]:
    """More processes with the same file, opened."""
    helpers = [WorkerProcess(worker.candidate, worker.folder) for _ in range(count)]
    for requests in (
        [(helper, helper.import_request()) for helper in helpers],
        [(helper, helper.open_request(classes, plan.num_threads)) for helper in helpers],
    ):
        ask_together(
            [(helper, request) for helper, request in requests if helper.failure is None],
            at_once=count, seconds=plan.time_limit_s,
        )  # fmt: skip
    return helpers


def _ask_shares(
    shares: dict[WorkerProcess, list[WorkerProcess]], images: int, at_once: int, plan: Plan, progress: Progress
) -> None:
    """Ask every team for its images, the shared ones first, since they take longest."""
    done: Counter[WorkerProcess] = Counter()
    stages = {one: f"classify {worker.candidate.label}" for worker, team in shares.items() for one in team}
    teams = {one: team for team in shares.values() for one in team}
    requests = []
    for team in sorted(shares.values(), key=len, reverse=True):
        limits = np.linspace(0, images, len(team) + 1).astype(int).tolist()
        for one, start, stop in zip(team, limits, limits[1:], strict=False):
            if one.failure is None:
                requests.append((one, {"do": "evaluate", "out": str(one.output), "start": start, "stop": stop}))

    def report(worker: WorkerProcess, classified: int, _: int) -> None:
        done[worker] = classified
        progress(stages[worker], sum(done[one] for one in teams[worker]), images)

    ask_together(requests, at_once=at_once, seconds=plan.time_limit_s, report=report)


def _share(worker: WorkerProcess, measurement: Measurement, representative: Measurement, plan: Plan) -> None:
    """Take the other row's probabilities once this way of calling was seen to give the same ones."""
    request = {"do": "check", "images": CHECKED_IMAGES}
    reply = ask_together([(worker, request)], seconds=plan.time_limit_s).get(worker)
    shared = representative.probabilities
    if reply is None or shared is None:
        return
    apart = float(np.abs(np.array(reply["probabilities"]) - shared[:CHECKED_IMAGES]).max())
    if apart > SAME_PROBABILITY:
        worker.fail(f"its probabilities differ by {apart:.2g} from those of {representative.candidate.label}")
        return
    measurement.probabilities = shared
    measurement.shares_accuracy_with = representative.candidate.label
