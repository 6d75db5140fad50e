"""Sustained load: whether a board keeps its speed when it works for minutes, or heats up and slows down.

All candidates take turns of a second each without a pause, for as long as asked. A turn leaves one point of the
curve; before each pass of turns the temperature and the clock are read.
"""

import time
from collections.abc import Sequence

from cnnedge.benchmark.measurement import Circumstances, Measurement, Pairs, Turn, alive
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.process import ask_together
from cnnedge.documents import Curve, Load, Sustained, window_seconds
from cnnedge.machine.hardware import any_throttled, read_sensors
from cnnedge.progress import Progress
from cnnedge.records import from_json

TURN_SECONDS = 1.0
# However short the time, every candidate has this many turns, so that there is a beginning and an end to compare.
LEAST_TURNS = 4


def sustain(pairs: Pairs, plan: Plan, circumstances: Circumstances, progress: Progress) -> None:
    """Keep every candidate that is alive working in turn for ``plan.sustained_s`` seconds.

    Points go into the measurements and the circumstances as they come, so that an interruption leaves them.
    """
    for measurement in alive(pairs).values():
        measurement.sustained = []
    turn = min(TURN_SECONDS, plan.sustained_s / (LEAST_TURNS * max(1, len(alive(pairs)))))
    begun = time.monotonic()
    while alive(pairs) and (elapsed := time.monotonic() - begun) < plan.sustained_s:
        progress("sustained load, seconds", int(elapsed), int(plan.sustained_s))
        circumstances.sensors.append((round(elapsed, 2), read_sensors()))
        for worker, measurement in alive(pairs).items():
            at_s = round(time.monotonic() - begun, 2)
            replies = ask_together([(worker, {"do": "sustain", "seconds": turn})], seconds=plan.time_limit_s)
            if worker in replies and measurement.sustained is not None:
                measurement.sustained.append(from_json(Turn, replies[worker] | {"at_s": at_s}))
    progress("sustained load, seconds", int(plan.sustained_s), int(plan.sustained_s))


def row_figures(one: Measurement, window_s: float) -> Sustained | None:
    """The curve of one row and its first and last ``window_s`` seconds; None where nothing was measured."""
    if not one.sustained:
        return None
    curve = Curve(
        at_s=[turn.at_s for turn in one.sustained],
        p50_ms=[round(turn.p50_ns / 1e6, 6) for turn in one.sustained],
        p90_ms=[round(turn.p90_ns / 1e6, 6) for turn in one.sustained],
        runs=sum(turn.runs for turn in one.sustained),
    )
    return curve.judged(window_s)


def document_figures(plan: Plan, circumstances: Circumstances) -> Load | None:
    """What the whole machine did meanwhile; None where no sustained load was asked for or reached."""
    sensors = circumstances.sensors
    if not sensors:
        return None
    at_s, readings = [at for at, _ in sensors], [reading for _, reading in sensors]
    return Load(
        minutes=round(plan.sustained_s / 60, 4),
        seconds=at_s[-1],
        window_s=window_seconds(at_s),
        at_s=at_s,
        temperature_c=[reading.temperature_c for reading in readings],
        mhz=[reading.mhz for reading in readings],
        throttled=[any_throttled(readings[max(0, index - 1) : index + 1]) for index in range(len(readings))],
        throttle_events=_since_first([reading.throttle_events for reading in readings]),
    )


def _since_first(counts: Sequence[int | None]) -> list[int | None]:
    first = next((count for count in counts if count is not None), 0)
    return [None if count is None else count - first for count in counts]
