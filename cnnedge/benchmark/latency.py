"""Timing all candidates side by side, in interleaved rounds."""

import random
from collections.abc import Sequence
from typing import Any

from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.process import WorkerProcess, ask_together
from cnnedge.documents import Samples

# TFLite's benchmark_model warms up for 0.5 s; here every candidate has classified the whole test set before.
WARMUP_SECONDS = 0.3
# Most that one candidate's timed calls may take over all rounds, alone and again end to end. 200 runs of a
# 40-MMAC network are 0.2 s; Keras' predict at 40 ms a call ends here with 2 runs in each of 20 rounds.
SECONDS_PER_ROW = 1.2


def warm_up(workers: Sequence[WorkerProcess], plan: Plan) -> None:
    """Call every candidate until it is warm; a worker that fails keeps its reason."""
    request = {"do": "warm_up", "runs": plan.warmup_runs, "seconds": WARMUP_SECONDS}
    ask_together([(worker, request) for worker in workers], at_once=plan.at_once, seconds=plan.time_limit_s)


def time_round(workers: Sequence[WorkerProcess], timings: dict[WorkerProcess, Samples], round: int, plan: Plan) -> None:
    """A turn of every worker into ``timings``; the round counts only when all of them have had theirs.

    The order is drawn anew for each round: in a fixed one a candidate would always find the caches as the same
    neighbour left them, and one file under two names could differ by its place. A worker that fails keeps its
    reason and is left out of the rest.
    """
    request = {"do": "time", "runs": plan.runs_per_turn, "seconds": SECONDS_PER_ROW / plan.rounds}
    finished: dict[WorkerProcess, dict[str, Any]] = {}
    for worker in random.Random(round).sample(workers, len(workers)):
        if worker.failure is None:
            finished |= ask_together([(worker, request)], seconds=plan.time_limit_s)
    for worker, reply in finished.items():
        timings[worker].call.append(reply["call_ns"])
        timings[worker].end_to_end.append(reply["end_to_end_ns"])
        timings[worker].process.append(plan.process_of(round))
