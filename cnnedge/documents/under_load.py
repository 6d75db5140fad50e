"""One row while the machine was kept busy with it: whether it keeps its speed, and what it draws."""

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
