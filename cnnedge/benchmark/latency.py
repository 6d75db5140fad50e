"""Timing all candidates side by side, in interleaved rounds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnedge.benchmark.process import TIME_LIMIT_S, WorkerProcess, ask_together, cores

NUM_RUNS = 200
WARMUP_RUNS = 10
# TFLite's benchmark_model warms up for 0.5 s; here every candidate has classified the whole test set before.
WARMUP_SECONDS = 0.3
ROUNDS = 20
# Each candidate is started afresh after this many rounds: 20 rounds are 5 starts, whose t interval (see timing)
# is 2.06 standard deviations of a start to either side; 3 starts would need 5.73, and 10 take minutes for Keras.
ROUNDS_PER_PROCESS = 4
# Most that one candidate's timed calls may take over all rounds, alone and again end to end. 200 runs of a
# 40-MMAC network are 0.2 s; Keras' predict at 40 ms a call ends here with 2 runs in each of 20 rounds.
SECONDS_PER_ROW = 1.2


@dataclass(frozen=True)
class TimingPlan:
    """How often each candidate is called; checked at birth.

    ``sustained_s`` seconds of load follow the rounds (see sustained); 0 for none.
    """

    num_runs: int = NUM_RUNS
    warmup_runs: int = WARMUP_RUNS
    num_threads: int = 1
    time_limit_s: float = TIME_LIMIT_S
    sustained_s: float = 0.0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("num_runs", self.num_runs, 1),
            ("warmup_runs", self.warmup_runs, 0),
            ("num_threads", self.num_threads, 1),
            ("sustained_s", self.sustained_s, 0),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected at least {least}")

    @property
    def rounds(self) -> int:
        return min(ROUNDS, self.num_runs)

    @property
    def processes(self) -> int:
        """How often each candidate is started afresh."""
        return max(1, self.rounds // ROUNDS_PER_PROCESS)

    def process_of(self, round: int) -> int:
        """The number of the start that is timed in ``round``: the rounds are shared out evenly."""
        return round * self.processes // self.rounds

    @property
    def runs_per_turn(self) -> int:
        """Rounded up, so that at least ``num_runs`` are made."""
        return -(-self.num_runs // self.rounds)

    @property
    def at_once(self) -> int:
        """How many candidates may work at the same time where no clock runs."""
        return max(1, cores() // self.num_threads)


@dataclass
class Timings:
    """Raw samples of one candidate in nanoseconds: one list per round, in the order of the rounds; beside them
    the number of the start that each round timed."""

    call: list[list[int]] = field(default_factory=list)
    end_to_end: list[list[int]] = field(default_factory=list)
    process: list[int] = field(default_factory=list)


def warm_up(workers: Sequence[WorkerProcess], plan: TimingPlan) -> None:
    """Call every candidate until it is warm; a worker that fails keeps its reason."""
    request = {"do": "warm_up", "runs": plan.warmup_runs, "seconds": WARMUP_SECONDS}
    ask_together([(worker, request) for worker in workers], at_once=plan.at_once, seconds=plan.time_limit_s)


def time_round(
    workers: Sequence[WorkerProcess], timings: dict[WorkerProcess, Timings], round: int, plan: TimingPlan
) -> None:
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
