"""What is known of a candidate while it is being measured."""

from dataclasses import dataclass, field

import numpy as np

from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.process import WorkerProcess
from cnnedge.documents import Layer, Nodes, Profile, Samples, Throughput
from cnnedge.machine.hardware import Load, Sensors


@dataclass(frozen=True)
class Opened:
    """What a worker says of the file it opened; ``output_step`` is the output's scale, 0.0 for float.

    ``single_ms`` is what an image costs where they must go one by one, 0 where the file takes many at once.
    """

    runtime: str
    device: str
    threads: int
    output_step: float
    load_ms: float
    first_ms: float
    single_ms: float
    peak_rss_mb: float
    nodes: Nodes | None = None


@dataclass(frozen=True)
class Profiled:
    """What a worker says of the file's operators; the float file's layers are not beside them yet."""

    layers: list[Layer]
    profile: Profile


@dataclass(frozen=True)
class Turn:
    """A turn of sustained load that began at second ``at_s``."""

    at_s: float
    p50_ns: float
    p90_ns: float
    runs: int


@dataclass(frozen=True)
class Drawn:
    """When the machine rested, was kept busy with the file, and was done (seconds since 1970); the mean of a call in
    ms; and the watts of the two spans by RAPL, None without it."""

    moments: list[float]
    call_ms: float
    watts: list[float] | None


@dataclass(eq=False)
class Measurement:
    """What was found out about one candidate; what is None was not measured.

    ``starts`` counts its processes. ``profiled`` is the time of each layer, ``unprofiled`` why there is none.
    ``columns`` are the file's outputs in the order of the data's classes, where the file names them in another order;
    ``probabilities`` (N, classes) are in the data's.
    """

    candidate: Candidate
    opened: Opened | None = None
    probabilities: np.ndarray | None = None
    shares_accuracy_with: str | None = None
    timings: Samples = field(default_factory=lambda: Samples([], [], []))
    starts: int = 1
    sustained: list[Turn] | None = None
    failure: str | None = None
    columns: list[int] | None = None
    profiled: Profiled | None = None
    unprofiled: str | None = None
    drawn: Drawn | None = None
    throughput: list[Throughput] | None = None


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
