"""Timing all candidates side by side, in interleaved rounds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnedge.benchmark.process import TIME_LIMIT_S, WorkerProcess, ask_together
from cnnedge.progress import Progress, silent

NUM_RUNS = 200
WARMUP_RUNS = 10
# TFLite's benchmark_model warms up for 0.5 s; here every candidate has classified the whole test set before.
WARMUP_SECONDS = 0.3
# 20 rounds give the ratio's interval the 6th smallest and the 6th largest of 20
# (timing.order_statistic_rank).
ROUNDS = 20
# Most that one candidate's timed calls may take over all rounds, alone and again end to end. 200 runs of a
# 40-MMAC network are 0.2 s; Keras' predict at 40 ms a call ends here with 2 runs in each of 20 rounds.
SECONDS_PER_ROW = 1.2


@dataclass(frozen=True)
class TimingPlan:
    """How often each candidate is called; checked at birth."""

    num_runs: int = NUM_RUNS
    warmup_runs: int = WARMUP_RUNS
    num_threads: int = 1
    time_limit_s: float = TIME_LIMIT_S

    def __post_init__(self) -> None:
        for name, value, least in (
            ("num_runs", self.num_runs, 1),
            ("warmup_runs", self.warmup_runs, 0),
            ("num_threads", self.num_threads, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected at least {least}")

    @property
    def rounds(self) -> int:
        return min(ROUNDS, self.num_runs)

    @property
    def runs_per_turn(self) -> int:
        """Rounded up, so that at least ``num_runs`` are made."""
        return -(-self.num_runs // self.rounds)


@dataclass
class Timings:
    """Raw samples of one candidate in nanoseconds: one list per round, in the order of the rounds."""

    call: list[list[int]] = field(default_factory=list)
    end_to_end: list[list[int]] = field(default_factory=list)


def time_rounds(
    workers: Sequence[WorkerProcess],
    timings: dict[WorkerProcess, Timings],
    plan: TimingPlan,
    progress: Progress = silent,
) -> None:
    """Warm every worker up, then time them in turn, round after round, into ``timings``.

    ``timings`` is filled as the rounds go, so that an interruption leaves the rounds that were finished. A
    worker that fails keeps its reason and is left out of the rest.
    """
    warm_up = {"do": "warm_up", "runs": plan.warmup_runs, "seconds": WARMUP_SECONDS}
    for done, worker in enumerate(workers):
        progress("warm up", done, len(workers))
        ask_together([(worker, warm_up)], seconds=plan.time_limit_s)
    progress("warm up", len(workers), len(workers))
    turn = {"do": "time", "runs": plan.runs_per_turn, "seconds": SECONDS_PER_ROW / plan.rounds}
    for round in range(plan.rounds):
        progress("timing round", round, plan.rounds)
        _one_round(workers, timings, turn, plan.time_limit_s)
    progress("timing round", plan.rounds, plan.rounds)


def _one_round(
    workers: Sequence[WorkerProcess],
    timings: dict[WorkerProcess, Timings],
    turn: dict[str, object],
    seconds: float,
) -> None:
    """A turn of every worker; the round counts only when all of them have had theirs."""
    finished: dict[WorkerProcess, dict[str, Any]] = {}
    for worker in workers:
        if worker.failure is None:
            finished |= ask_together([(worker, turn)], seconds=seconds)
    for worker, reply in finished.items():
        timings[worker].call.append(reply["call_ns"])
        timings[worker].end_to_end.append(reply["end_to_end_ns"])
