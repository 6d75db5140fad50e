"""One row while the machine was kept busy with it: is its speed kept, what is drawn, how many images a second?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from cnnedge.records import always

# Who measured the power, where it was no meter.
RAPL = "RAPL, the CPU packages"
# The first half minute is compared with the last, or the first half with the second where there is no whole minute.
WINDOW_SECONDS = 30.0
# An end slower than the beginning by more than this is called a slow-down (below it lies what the rounds of a
# usable machine scatter, timing.NOISY_SPREAD), but only if the middle halves of the points of both lie apart:
# else it is other work on the machine that comes and goes.
SLOW_DOWN = 0.10


@dataclass(frozen=True)
class Curve:
    """How long a call took under sustained load, a point for each turn, and how many ``runs`` there were."""

    at_s: list[float]
    p50_ms: list[float]
    p90_ms: list[float]
    runs: int

    def judged(self, window_s: float) -> "Sustained":
        """The curve with its first and last ``window_s`` seconds compared."""
        points = list(zip(self.at_s, self.p50_ms, strict=True))
        beginning = [ms for at, ms in points if at < self.at_s[0] + window_s or at == self.at_s[0]]
        end = [ms for at, ms in points if at >= self.at_s[-1] - window_s]
        first, last = statistics.median(beginning), statistics.median(end)
        apart = _quartile(beginning, 3) < _quartile(end, 1)
        return Sustained(
            self.at_s, self.p50_ms, self.p90_ms, self.runs, first_ms=round(first, 6), last_ms=round(last, 6),
            change=round(last / first - 1, 4), slowed=apart and last > (1 + SLOW_DOWN) * first,
            retention=round(first / last, 4),
        )  # fmt: skip


def _quartile(values: Sequence[float], number: int) -> float:
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=4, method="inclusive")[number - 1]


def window_seconds(at_s: Sequence[float]) -> float:
    """The length of the beginning and of the end that are compared, of readings at these seconds."""
    return min(WINDOW_SECONDS, at_s[-1] / 2) if at_s else WINDOW_SECONDS


@dataclass(frozen=True)
class Sustained(Curve):
    """A judged curve; ``change`` is last / first - 1, ``retention`` the share of its speed left."""

    first_ms: float
    last_ms: float
    change: float
    slowed: bool
    retention: float | None = always()


@dataclass(frozen=True)
class Power:
    """Mean watts while idle and while the file was called without a pause, by ``source``; ``call_ms`` is a call's mean
    then."""

    source: str
    idle_w: float
    busy_w: float
    call_ms: float

    @property
    def energy_mj(self) -> float:
        """Millijoules of one inference, without what the machine draws idle."""
        return (self.busy_w - self.idle_w) * self.call_ms


@dataclass(frozen=True)
class Throughput:
    """Images a second with so many threads and so many images a call, in each of the interleaved rounds.

    As text, threads x images: ``2 x 8``.
    """

    threads: int
    batch: int
    rounds: list[float]

    @property
    def images_per_s(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        return f"{self.threads} x {self.batch}"


def best_setting(found: Sequence[Throughput]) -> Throughput:
    """The fastest setting: one with more threads or larger batches only if it was faster in every round.

    Two settings of the same speed would show that by chance once in 32 times (five rounds).
    """
    best = found[0]
    for one in found[1:]:
        if all(new > old for new, old in zip(one.rounds, best.rounds, strict=True)):
            best = one
    return best


def efficiency(one: Throughput, found: Sequence[Throughput]) -> float | None:
    """Its images a second as a fraction of as many times one thread's, with the same batch; None without that."""
    single = next((other for other in found if other.threads == 1 and other.batch == one.batch), None)
    return None if single is None else one.images_per_s / (one.threads * single.images_per_s)
