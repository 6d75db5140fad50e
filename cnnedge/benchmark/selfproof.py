"""The benchmark measured: does it find what is there, and nothing that is not?

    A/A            the same file under two names: a winner is declared in at most 1 of 20 runs
    slow-down      the same file slowed by 10 %: found slower in at least 19 of 20 runs
    accuracy       simulated predictions with known differences: the right verdicts, at the rates stated here
    overhead       a runner that does nothing: at most 2 us between the two clock readings
    the field      the median beside that of another program, same file, one thread, same minute; for ONNX also
                   this benchmark's clock beside ONNX Runtime's own, on the same calls

`scripts/benchmark_selfproof.py` runs them.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnedge.benchmark import timing
from cnnedge.benchmark.calls import time_calls
from cnnedge.benchmark.candidate import RUNTIME_MODULES, Candidate
from cnnedge.benchmark.field import field_median_ms, same_calls_ms
from cnnedge.benchmark.measure import measure
from cnnedge.benchmark.measurement import Circumstances, Measurement
from cnnedge.benchmark.plan import Plan
from cnnedge.data import ArraySplit
from cnnedge.documents import Samples
from cnnedge.errors import CnnedgeError
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec
from cnnedge.scoring import accuracy

SLOW_DOWN = 0.10
# The rates of the issue: a winner in at most 1 of 20 A/A runs, the slow-down found in at least 19 of 20.
MISSES_PER_20 = 1
OVERHEAD_NS = 2000
FIELD_TOLERANCE = 0.05
# Each program measures three times, in turn, and its least disturbed median counts: other work only ever adds.
FIELD_TURNS = 3
# litert-benchmark rounds its median to 0.01 ms.
FIELD_ROUNDING_MS = 0.005


@dataclass(frozen=True)
class Proof:
    """One check: what was found, beside what is demanded."""

    name: str
    passed: bool
    found: str


class SlowedRunner(Runner):
    """A runner that takes longer by a fixed share of each call's own time."""

    def __init__(self, inner: Runner, share: float) -> None:
        ends = Ends(inner.input, inner.output, inner.free_batch)
        super().__init__(inner.name, inner.format, ends, Place(inner.runtime, inner.device, inner.num_threads))
        self._inner, self._factor = inner, 1 + share

    def run(self, batch: np.ndarray) -> np.ndarray:
        start = time.perf_counter_ns()
        raw = self._inner.run(batch)
        until = start + (time.perf_counter_ns() - start) * self._factor
        while time.perf_counter_ns() < until:
            pass
        return raw

    def close(self) -> None:
        self._inner.close()


class IdleRunner(Runner):
    """A runner that does nothing: what is measured of it is the benchmark's own overhead."""

    def __init__(self) -> None:
        image = TensorSpec("image", (None, 1, 1, 1), "float32")
        scores = TensorSpec("probabilities", (None, 2), "float32")
        super().__init__("idle", "keras", Ends(image, scores, free_batch=True), Place("none"))

    def run(self, batch: np.ndarray) -> np.ndarray:
        return batch

    def close(self) -> None:
        """Nothing to let go of."""


def open_slowed(source: str, share: float, num_threads: int = 1) -> SlowedRunner:
    """Open ``source`` slowed by ``share``: the opener of the planted slow-down."""
    return SlowedRunner(open_runner(source, num_threads=num_threads), share)


def prove(files: Sequence[Path], *, runs: int = 20, progress: Progress = silent) -> Iterator[Proof]:
    """Run every check: ``runs`` comparisons of the first file (.tflite or .onnx) with itself and with itself slowed,
    and every file beside the field."""
    yield from prove_latency(files[0], runs=runs, progress=progress)
    yield prove_overhead()
    yield from prove_verdicts()
    for file in files:
        yield prove_field(file)
        if file.suffix == ".onnx":
            yield prove_clock(file)


def prove_latency(file: Path, *, runs: int, progress: Progress = silent) -> Iterator[Proof]:
    """A/A and the planted slow-down, in the same runs: the file, the file again, and the file slowed."""
    allowed = max(1, MISSES_PER_20 * runs // 20)
    winners, found, off, reach = 0, 0, [], []
    for run in range(runs):
        progress("A/A and slow-down", run, runs)
        first, again, slowed = _timings([_plain(file), _plain(file), _slowed(file)])
        same = timing.speed_ratio(first.call, again.call, first.process)
        winners += same.winner != 0
        found += timing.speed_ratio(first.call, slowed.call, first.process).winner < 0
        off.append(abs(same.value - 1))
        reach.append((same.high or same.value) / same.value - 1)
    progress("A/A and slow-down", runs, runs)
    differed = f"it differed from itself by {np.median(off):.1%} (median), {max(off):.1%} (most)"
    width = f"intervals of +-{np.median(reach):.1%} (median)"
    yield Proof("A/A", winners <= allowed, f"a winner in {winners} of {runs} (at most {allowed}); {differed}; {width}")
    least = runs - allowed
    yield Proof("slow-down", found >= least, f"{SLOW_DOWN:.0%} found in {found} of {runs} (at least {least})")


def _timings(candidates: Sequence[Candidate]) -> list[Samples]:
    """The timed rounds of candidates that are calls of one file."""
    file = Path(candidates[0].options["source"])
    measurements = [Measurement(candidate) for candidate in candidates]
    with open_runner(file) as runner:
        # Timings of a network do not depend on the pixels; noise will do where nothing is classified.
        noise = np.random.default_rng(0).integers(0, 256, (64, *runner.input_shape), np.uint8)
        split = ArraySplit(noise, np.zeros(len(noise), np.int64))
        classes = runner.num_classes
    with tempfile.TemporaryDirectory() as folder:
        measure(measurements, split, classes, plan=Plan(), folder=Path(folder),
                circumstances=Circumstances(), progress=silent)  # fmt: skip
    for measurement in measurements:
        if measurement.failure is not None:
            raise CnnedgeError(f"{file}: {measurement.failure}")
    return [measurement.timings for measurement in measurements]


def _plain(file: Path) -> Candidate:
    return _candidate(file, "cnnedge.runtime.opening:open_runner", {"source": str(file)})


def _slowed(file: Path) -> Candidate:
    return _candidate(file, "cnnedge.benchmark.selfproof:open_slowed", {"source": str(file), "share": SLOW_DOWN})


def _candidate(file: Path, opener: str, options: dict[str, object]) -> Candidate:
    format = file.suffix.removeprefix(".")
    return Candidate(
        name=file.name, format=format, precision="unknown", qat=False, size_bytes=0, opener=opener,
        options=options, imports=RUNTIME_MODULES[format],
    )  # fmt: skip


def prove_overhead(calls: int = 2000) -> Proof:
    """Time a runner that does nothing with the very loop that times the others."""
    image = np.zeros((1, 1, 1, 1), np.float32)
    median = float(np.median(time_calls(IdleRunner().run, [image] * calls, seconds=10)))
    return Proof("overhead", median <= OVERHEAD_NS, f"{median:.0f} ns a call (at most {OVERHEAD_NS})")


@dataclass(frozen=True)
class Planted:
    """A true difference of ``drop_pp`` points on ``images`` images, and how often which verdicts are
    allowed."""

    drop_pp: float
    images: int
    verdicts: tuple[str, ...]
    at_least: float


# Of 1.5 % discordant images (an int8 file against its float model) and a margin of 0.5 points: - no drop,
# 10,000 images: the interval is about +-0.24 points wide, so "equal" needs a difference within 0.26, which
# is 2.1 standard errors: 96.7 %. - a drop of exactly the margin: "equal" needs the upper 2.5 % tail, so
# anything else in 97.5 %. - a drop of 1.0: 0.76 points beyond what would still be unclear, 6 standard
# errors. - no drop, 500 images: never a difference beyond McNemar's 5 %. Each rate is checked on 2,000
# simulations with 1 point of leave: 3 standard errors of a rate near 97 %.
PLANTED = (
    Planted(0.0, 10_000, ("equal",), 0.955),
    Planted(0.5, 10_000, ("worse", "unclear"), 0.965),
    Planted(1.0, 10_000, ("worse",), 0.99),
    Planted(-1.0, 10_000, ("better",), 0.99),
    Planted(0.0, 500, ("equal", "unclear"), 0.94),
)
DISCORDANT = 0.015


def prove_verdicts(simulations: int = 2000) -> Iterator[Proof]:
    """Simulate pairs of models with a known difference and count the verdicts."""
    generator = np.random.default_rng(0)
    for planted in PLANTED:
        drop = planted.drop_pp / 100
        shares = [(DISCORDANT + drop) / 2, (DISCORDANT - drop) / 2, 1 - DISCORDANT]
        draws = generator.multinomial(planted.images, shares, size=simulations)
        given = [accuracy.verdict(int(lost), int(gained), planted.images) for lost, gained, _ in draws]
        rate = sum(verdict in planted.verdicts for verdict in given) / simulations
        yield Proof(
            f"drop of {planted.drop_pp:g} points, {planted.images:,} images", rate >= planted.at_least,
            f"{' or '.join(planted.verdicts)} in {rate:.1%} (at least {planted.at_least:.1%})",
        )  # fmt: skip


def prove_field(file: Path) -> Proof:
    """The median of this benchmark beside the one that another program finds, in turn."""
    ours, others, who = [], [], ""
    for _ in range(FIELD_TURNS):
        ours.append(_median_ms(file))
        who, theirs = field_median_ms(file)
        others.append(theirs)
    mine, theirs = min(ours), min(others)
    allowed = FIELD_TOLERANCE * theirs + FIELD_ROUNDING_MS
    found = f"p50 {mine:.3f} ms ({_listed(ours)}), {who} {theirs:.3f} ms ({_listed(others)})"
    return Proof(f"the field, {file.name}", abs(mine - theirs) <= allowed, found)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def prove_clock(file: Path) -> Proof:
    """This benchmark's clock beside ONNX Runtime's own, on the same calls of an ONNX file."""
    ours, theirs = same_calls_ms(file)
    more = float(np.median(ours / theirs)) - 1
    found = (
        f"the same calls took {np.median(ours):.3f} ms, by ONNX Runtime's profiler {np.median(theirs):.3f} ms, "
        f"and one call with the other {more:+.1%}"
    )
    return Proof(f"ONNX Runtime's clock, {file.name}", abs(more) <= FIELD_TOLERANCE, found)


def _median_ms(file: Path) -> float:
    (timings,) = _timings([_plain(file)])
    return timing.summary([sample for round in timings.call for sample in round]).p50
