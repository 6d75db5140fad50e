"""The benchmark: candidates and test images in, one document out (``benchmark.json``)."""

import datetime
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge import __version__
from cnnedge.benchmark import timing
from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.latency import NUM_RUNS, WARMUP_RUNS, TimingPlan
from cnnedge.benchmark.measure import measure
from cnnedge.benchmark.measurement import Circumstances, Measurement
from cnnedge.benchmark.notes import notes
from cnnedge.benchmark.process import TIME_LIMIT_S
from cnnedge.benchmark.reasons import explain
from cnnedge.benchmark.rows import build_rows
from cnnedge.benchmark.sustained import document_figures, window_seconds
from cnnedge.data import Split
from cnnedge.documents import SCHEMA
from cnnedge.errors import UsageError
from cnnedge.machine.hardware import conditions, machine_facts
from cnnedge.progress import Progress, silent
from cnnedge.scoring.accuracy import MARGIN_PP


def benchmark(
    candidates: Sequence[Candidate],
    split: Split,
    labels: Sequence[str],
    *,
    data_name: str,
    baseline: str | None = None,
    num_runs: int = NUM_RUNS,
    warmup_runs: int = WARMUP_RUNS,
    num_threads: int = 1,
    margin_pp: float = MARGIN_PP,
    time_limit_s: float = TIME_LIMIT_S,
    sustained_minutes: float = 0.0,
    full_images: int | None = None,
    is_sample: bool = False,
    data_source: str = "",
    paths: Sequence[Path] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure every candidate on the same images, and return the document that ``benchmark.json`` holds.

    A candidate that fails has the reason in its row's ``error``; the others are finished. Ctrl-C ends the
    measurement and returns what there is, with ``interrupted`` true.

    Args:
        split: the test images, uint8 ``(N, H, W, C)`` with pixels 0..255, and their classes.
        labels: the names of the classes, in the order of the outputs.
        data_name: of the dataset, for the document.
        baseline: the file name of the float Keras model among the candidates; without one there are no
            differences, verdicts and speed-ups, and a note says so.
        num_runs: timed calls per candidate; fewer where a call is slow (see ``latency.SECONDS_PER_ROW``).
        warmup_runs: calls before, at least, and ``latency.WARMUP_SECONDS`` at least.
        num_threads: threads for one call.
        margin_pp: differences in accuracy within this many percentage points count as equal.
        time_limit_s: a candidate whose process stays silent for so long is given up.
        sustained_minutes: so long all candidates are kept busy afterwards, to see whether they slow down.
        full_images: images in the whole test split, where ``split`` is a part of it.
        is_sample, data_source: where the images come from, as in ``datasets.Dataset``.
        paths: what the person named, for the line that says how to repeat it.

    Raises:
        UsageError: there are no candidates, no images, or the baseline is not among the candidates.
        ValueError: a number is out of range.
    """
    _check_request(candidates, split, baseline)
    plan = TimingPlan(num_runs, warmup_runs, num_threads, time_limit_s, 60 * sustained_minutes)
    measurements = [Measurement(candidate) for candidate in candidates]
    _refuse_other_labels(measurements, labels)
    circumstances, begun = Circumstances(), time.monotonic()
    interrupted = _measure_until_interrupted(
        measurements, split, len(labels), plan=plan, circumstances=circumstances, progress=progress
    )
    machine = machine_facts()
    rows = build_rows(
        measurements, split.labels, labels, baseline=baseline, margin_pp=margin_pp, interrupted=interrupted,
        window_s=window_seconds([at for at, _ in circumstances.sensors]),
    )  # fmt: skip
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "made": {
            "cnnedge": __version__,
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begun, 1),
            "paths": [str(path) for path in paths],
        },
        "settings": _settings(plan, candidates, rows) | {"margin_pp": margin_pp},
        "machine": machine | {"conditions": _conditions(circumstances)},
        "data": {
            "name": data_name, "split": "test", "images": len(split), "sha256": split.sha256,
            "full_images": full_images or len(split), "labels": list(labels), "source": data_source,
            "is_sample": is_sample,
        },
        "baseline": baseline,
        "interrupted": interrupted,
        "sustained": document_figures(plan, circumstances),
        "rows": rows,
        "explanations": explain(rows, machine),
    }  # fmt: skip
    return document | {"notes": notes(document)}


def _check_request(candidates: Sequence[Candidate], split: Split, baseline: str | None) -> None:
    if not candidates:
        raise UsageError("nothing to measure: expected at least one .tflite, .onnx or .keras file")
    if not len(split):
        raise UsageError("no test images: expected at least one")
    keras = {candidate.name for candidate in candidates if candidate.format == "keras"}
    if baseline is not None and baseline not in keras:
        raise UsageError(f"the baseline {baseline} is not among the Keras files: {', '.join(sorted(keras)) or 'none'}")


def _refuse_other_labels(measurements: Sequence[Measurement], labels: Sequence[str]) -> None:
    """A file made for other classes would be measured against the wrong answers; its row says so instead."""
    for measurement in measurements:
        own = measurement.candidate.labels
        if own is not None and tuple(own) != tuple(labels):
            measurement.failure = f"its classes are {', '.join(own)}; the data's are {', '.join(labels)}"


def _measure_until_interrupted(
    measurements: Sequence[Measurement], split: Split, classes: int, *,
    plan: TimingPlan, circumstances: Circumstances, progress: Progress,
) -> bool:  # fmt: skip
    """Measure those that have not failed already; return whether Ctrl-C ended it early."""
    sound = [measurement for measurement in measurements if measurement.failure is None]
    with tempfile.TemporaryDirectory(prefix="cnnedge-benchmark-") as folder:
        try:
            measure(
                sound, split, classes,
                plan=plan, folder=Path(folder), circumstances=circumstances, progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            return True
    return False


def _settings(plan: TimingPlan, candidates: Sequence[Candidate], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How it was measured; ``process_spread`` is what the starts of the same file differed by, in the median row."""
    spreads = [row["process_spread"] for row in rows if row["process_spread"] is not None]
    return {
        "num_runs": plan.num_runs, "rounds": plan.rounds, "processes": plan.processes,
        "warmup_runs": plan.warmup_runs, "threads": plan.num_threads,
        "device": "gpu" if any(candidate.device == "gpu" for candidate in candidates) else "cpu",
        "process_spread": round(float(np.median(spreads)), 4) if spreads else None,
        "speedup_confidence": timing.CONFIDENCE, "sustained_minutes": round(plan.sustained_s / 60, 4),
    }  # fmt: skip


def _conditions(circumstances: Circumstances) -> dict[str, Any] | None:
    if circumstances.before is None or circumstances.after is None:
        return None
    return conditions(circumstances.before, circumstances.after)
