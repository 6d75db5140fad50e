"""How a benchmark is made: how often each file is called and started, and when it is given up."""

from dataclasses import dataclass
from pathlib import Path

from cnnedge.benchmark.process import TIME_LIMIT_S
from cnnedge.machine.hardware import cores
from cnnedge.scoring.accuracy import MARGIN_PP

NUM_RUNS = 200
WARMUP_RUNS = 10
ROUNDS = 20
# Each candidate is started afresh after this many rounds: 20 rounds are 5 starts, whose t interval (see timing)
# is 2.06 standard deviations of a start to either side; 3 starts would need 5.73, and 10 take minutes for Keras.
ROUNDS_PER_PROCESS = 4


@dataclass(frozen=True)
class Plan:
    """How the candidates are measured; checked at birth.

    Attributes:
        num_runs: timed calls per candidate; fewer where a call is slow (see ``latency.SECONDS_PER_ROW``).
        warmup_runs: calls before, at least, and ``latency.WARMUP_SECONDS`` at least.
        num_threads: threads for one call.
        time_limit_s: a candidate whose process stays silent for so long is given up.
        sustained_s: seconds of load that follow the rounds (see ``sustained``); 0 for none.
        margin_pp: differences in accuracy within this many percentage points count as equal.
        layers: whether each exported file's operators are timed too (see ``layers``).
        throughput: whether images a second are measured with several threads and batches (see ``throughput``).
        power: the CSV that a power meter is writing meanwhile (see ``power``).
    """

    num_runs: int = NUM_RUNS
    warmup_runs: int = WARMUP_RUNS
    num_threads: int = 1
    time_limit_s: float = TIME_LIMIT_S
    sustained_s: float = 0.0
    margin_pp: float = MARGIN_PP
    layers: bool = False
    throughput: bool = False
    power: Path | None = None

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


DEFAULT = Plan()
