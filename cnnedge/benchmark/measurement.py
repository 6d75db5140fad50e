"""What is known of a candidate while it is being measured."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.latency import Timings
from cnnedge.benchmark.process import WorkerProcess
from cnnedge.machine.hardware import Load, Sensors


@dataclass(eq=False)
class Measurement:
    """What was found out about one candidate; what is None was not measured.

    ``starts`` counts its processes; ``sustained`` holds a point ``{"at_s", "p50_ns", "p90_ns", "runs"}`` for each
    turn of the sustained load.
    """

    candidate: Candidate
    opened: dict[str, Any] | None = None
    probabilities: np.ndarray | None = None
    shares_accuracy_with: str | None = None
    timings: Timings = field(default_factory=Timings)
    starts: int = 1
    sustained: list[dict[str, Any]] | None = None
    failure: str | None = None


@dataclass
class Circumstances:
    """The machine's load before and after the timed rounds, None where they were not reached; and what its
    sensors said during the sustained load: the second, and the reading, each time."""

    before: Load | None = None
    after: Load | None = None
    sensors: list[tuple[float, Sensors]] = field(default_factory=list)


Pairs = dict[WorkerProcess, Measurement]


def alive(pairs: Pairs) -> Pairs:
    """Those whose process has not failed."""
    return {worker: measurement for worker, measurement in pairs.items() if worker.failure is None}
