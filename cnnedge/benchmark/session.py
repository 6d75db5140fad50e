"""The benchmark: candidates and test images in, one document out (``benchmark.json``)."""

import datetime
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cnnedge import __version__
from cnnedge.benchmark import timing
from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.classes import class_notes, match_classes
from cnnedge.benchmark.measure import measure
from cnnedge.benchmark.measurement import Circumstances, Measurement
from cnnedge.benchmark.notes import notes
from cnnedge.benchmark.plan import DEFAULT, Plan
from cnnedge.benchmark.power import power_figures
from cnnedge.benchmark.reasons import explain
from cnnedge.benchmark.rows import build_rows
from cnnedge.benchmark.sustained import document_figures
from cnnedge.data import Dataset, Split
from cnnedge.documents import SCHEMA, Conditions, Data, Document, Machine, Made, Row, Settings, window_seconds
from cnnedge.errors import UsageError
from cnnedge.machine.hardware import conditions, machine_facts
from cnnedge.progress import Progress, silent


def benchmark(
    candidates: Sequence[Candidate],
    split: Split,
    data: Data,
    plan: Plan = DEFAULT,
    *,
    baseline: str | None = None,
    paths: Sequence[Path] = (),
    progress: Progress = silent,
) -> Document:
    """Measure every candidate on the same images, and return the document that ``benchmark.json`` holds.

    A candidate that fails has the reason in its row's ``error``; the others are finished. Ctrl-C ends the
    measurement and returns what there is, with ``interrupted`` true.

    Args:
        split: the test images, uint8 ``(N, H, W, C)`` with pixels 0..255, and their classes.
        data: what ``split`` is (see ``data_facts``); its labels are in the order of the outputs.
        baseline: the file name of the float Keras model among the candidates; without one there are no
            differences, verdicts and speed-ups, and a note says so.
        paths: what the person named, for the line that says how to repeat it.

    Raises:
        UsageError: there are no candidates, no images, or the baseline is not among the candidates.
    """
    _check_request(candidates, split, baseline)
    measurements = [Measurement(candidate, failure=candidate.problem) for candidate in candidates]
    match_classes(measurements, data.labels)
    circumstances, begun = Circumstances(), time.monotonic()
    interrupted = _measure_until_interrupted(
        measurements, split, len(data.labels), plan=plan, circumstances=circumstances, progress=progress
    )
    machine = Machine(**asdict(machine_facts()), conditions=_conditions(circumstances))
    rows = build_rows(
        measurements, split.labels, data.labels, baseline=baseline, margin_pp=plan.margin_pp, interrupted=interrupted,
        window_s=window_seconds([at for at, _ in circumstances.sensors]),
    )  # fmt: skip
    powers, unpowered = power_figures(measurements, plan.power)
    rows = [
        replace(row, power=power, energy_mj=None if power is None else round(power.energy_mj, 6))
        for row, power in zip(rows, powers, strict=True)
    ]
    document = Document(
        schema=SCHEMA,
        made=Made(
            cnnedge=__version__,
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - begun, 1),
            paths=[str(path) for path in paths],
        ),
        settings=_settings(plan, candidates, rows),
        machine=machine,
        data=data,
        baseline=baseline,
        interrupted=interrupted,
        sustained=document_figures(plan, circumstances),
        rows=rows,
        explanations=explain(rows, machine),
        notes=[],
    )
    unprofiled = [
        f"No time per layer of {one.candidate.label}: {one.unprofiled}." for one in measurements if one.unprofiled
    ]
    return replace(document, notes=[*class_notes(measurements, data), *unprofiled, *unpowered, *notes(document)])


def data_facts(dataset: Dataset, test: Split) -> Data:
    """What ``test``, all or a part of the test split of ``dataset``, is."""
    return Data(
        name=dataset.name,
        split="test",
        images=len(test),
        sha256=test.sha256,
        full_images=len(dataset.test),
        labels=list(dataset.labels),
        source=dataset.source,
        is_sample=dataset.is_sample,
    )


def _check_request(candidates: Sequence[Candidate], split: Split, baseline: str | None) -> None:
    if not candidates:
        raise UsageError("nothing to measure: expected at least one .tflite, .onnx or .keras file")
    if not len(split):
        raise UsageError("no test images: expected at least one")
    keras = {candidate.name for candidate in candidates if candidate.format == "keras"}
    if baseline is not None and baseline not in keras:
        raise UsageError(f"the baseline {baseline} is not among the Keras files: {', '.join(sorted(keras)) or 'none'}")


def _measure_until_interrupted(
    measurements: Sequence[Measurement], split: Split, classes: int, *,
    plan: Plan, circumstances: Circumstances, progress: Progress,
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


def _settings(plan: Plan, candidates: Sequence[Candidate], rows: Sequence[Row]) -> Settings:
    """How it was measured; ``process_spread`` is what the starts of the same file differed by, in the median row."""
    spreads = [row.process_spread for row in rows if row.process_spread is not None]
    return Settings(
        num_runs=plan.num_runs,
        rounds=plan.rounds,
        processes=plan.processes,
        warmup_runs=plan.warmup_runs,
        threads=plan.num_threads,
        device="gpu" if any(candidate.device == "gpu" for candidate in candidates) else "cpu",
        process_spread=round(float(np.median(spreads)), 4) if spreads else None,
        speedup_confidence=timing.CONFIDENCE,
        sustained_minutes=round(plan.sustained_s / 60, 4),
        margin_pp=plan.margin_pp,
    )


def _conditions(circumstances: Circumstances) -> Conditions | None:
    if circumstances.before is None or circumstances.after is None:
        return None
    return Conditions(**conditions(circumstances.before, circumstances.after))
