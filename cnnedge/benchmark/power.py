"""Energy per inference, where something measures power: what the machine draws while a file is called without a pause,
less what it draws idle just before (the method of MLPerf Tiny). Never estimated."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnedge.benchmark.measurement import Drawn, Measurement, Pairs, alive
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.process import ask_together
from cnnedge.documents import RAPL, Power
from cnnedge.errors import DataError
from cnnedge.machine.energy import Counter, PowerLog, rapl_counters, read_power_log
from cnnedge.progress import Progress


@dataclass(frozen=True)
class Spans:
    """Seconds idle and seconds busy for each file."""

    idle: float
    busy: float


# RAPL counts a thousand times a second; a USB meter's log may have one line in a second.
WITH_RAPL = Spans(1.5, 3.0)
WITH_LOG = Spans(6.0, 10.0)


def draw_power(pairs: Pairs, plan: Plan, progress: Progress) -> None:
    """Let the machine rest and then keep it busy with each file, and note the moments and RAPL's counters; nothing
    happens where neither RAPL can be read nor a meter's log was named."""
    counters = [] if plan.power else rapl_counters()
    spans = WITH_LOG if plan.power else WITH_RAPL
    if not counters and plan.power is None:
        return
    measurements = alive(pairs)
    for done, (worker, measurement) in enumerate(measurements.items()):
        progress("energy, idle", done, len(measurements))
        moments = [_moment(counters)]
        time.sleep(spans.idle)
        moments.append(_moment(counters))
        progress("energy, busy", done, len(measurements))
        request = {"do": "sustain", "seconds": spans.busy}
        reply = ask_together([(worker, request)], seconds=plan.time_limit_s + spans.busy).get(worker)
        moments.append(_moment(counters))
        if reply is not None:
            watts = [_watts(counters, *pair) for pair in itertools.pairwise(moments)] if counters else None
            call_ms = reply["seconds"] * 1000 / reply["runs"]
            measurement.drawn = Drawn([at for at, _ in moments], call_ms, watts)
    progress("energy, busy", len(measurements), len(measurements))


Moment = tuple[float, list[int]]


def _moment(counters: Sequence[Counter]) -> Moment:
    return time.time(), [counter.read() for counter in counters]


def _watts(counters: Sequence[Counter], before: Moment, after: Moment) -> float:
    pairs = zip(counters, before[1], after[1], strict=True)
    return sum(counter.joules(first, last) for counter, first, last in pairs) / (after[0] - before[0])


def power_figures(measurements: Sequence[Measurement], log: Path | None) -> tuple[list[Power | None], list[str]]:
    """Each measurement's power, None where nothing measured it; and what kept a figure from being given."""
    found: list[Power | None] = [None] * len(measurements)
    notes: dict[str, None] = {}
    try:
        meter = read_power_log(log) if log is not None else None
        for index, one in enumerate(measurements):
            if one.drawn is not None:
                found[index], reason = _power(one.candidate.label, one.drawn, meter)
                notes |= {reason: None} if reason else {}
    except DataError as error:
        notes[f"No energy: {error}."] = None
    return found, list(notes)


def _power(label: str, drawn: Drawn, meter: PowerLog | None) -> tuple[Power | None, str | None]:
    """The power of one file, or why there is none.

    Raises:
        DataError: the meter's log lacks readings.
    """
    start, middle, end = drawn.moments
    if meter is not None:
        idle, busy = meter.mean_watts(start, middle), meter.mean_watts(middle, end)
    else:
        idle, busy = drawn.watts or (0.0, 0.0)
    if busy <= idle:
        return None, f"No energy of {label}: {busy:.3g} W while busy, {idle:.3g} W idle before."
    source = RAPL if meter is None else meter.name
    return Power(source, round(idle, 4), round(busy, 4), round(drawn.call_ms, 6)), None
