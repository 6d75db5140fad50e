"""One row while the machine was kept busy with it: is its speed kept, what is drawn, how many images a second?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from cnnedge.records import always

# Who measured the power, where it was no meter.
RAPL = "RAPL, the CPU packages"


@dataclass(frozen=True)
class Sustained:
    """The curve under sustained load; ``change`` is last / first - 1, ``retention`` the share of its speed left."""

    at_s: list[float]
    p50_ms: list[float]
    p90_ms: list[float]
    runs: int
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
