"""Two runs of the same files beside each other: did a change make them slower?

The calls of two runs are not interleaved, so only what differs by more than the fresh starts of either run do counts:
the interval of the two means of starts (see ``benchmark.timing``). What slows the whole machine down between the runs
slows every file, and shows as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnedge.benchmark.timing import Ratio, slow_down
from cnnedge.documents import Document, Row, several_machines
from cnnedge.errors import GateError


@dataclass(frozen=True)
class Change:
    """One file in both runs, ms of one image; ``ratio`` is after / before, None where one of them was not timed."""

    label: str
    before_ms: float | None
    after_ms: float | None
    ratio: Ratio | None

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "not in both"
        if self.ratio.low is None:
            return "too few starts"
        return {1: "slower", -1: "faster", 0: "no difference shown"}[self.ratio.winner]

    @property
    def percent(self) -> float | None:
        """How much longer a call takes than before, in percent."""
        return None if self.ratio is None else 100 * (self.ratio.value - 1)


def changes(before: Document, after: Document) -> list[Change]:
    """Every file of the two runs, by name and way of calling."""
    return [_change(label, *rows) for label, rows in several_machines([before, after])]


def refuse_slower(found: Sequence[Change], percent: float) -> None:
    """The gate of ``--fail-slower``.

    Raises:
        GateError: a file was shown to be slower, and by more than ``percent``.
    """
    slower = [one for one in found if one.verdict == "slower" and (one.percent or 0) > percent]
    if slower:
        worst = ", ".join(f"{one.label} by {one.percent:.1f} %" for one in slower)
        raise GateError(f"slower by more than {percent:g} %: {worst}")


def _change(label: str, before: Row | None, after: Row | None) -> Change:
    samples = [row.samples_ns if row else None for row in (before, after)]
    ratio = None if samples[0] is None or samples[1] is None else slow_down(samples[0], samples[1])
    return Change(label, before.p50_ms if before else None, after.p50_ms if after else None, ratio)
