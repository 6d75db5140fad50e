"""How long one image takes: measured here, all candidates side by side, or read from another machine's benchmark."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.data import Split, evenly_spaced
from cnnedge.documents import Data, Document
from cnnedge.documents.trials import Trial
from cnnedge.errors import DataError
from cnnedge.progress import Progress, silent

# 12 rounds are 3 starts of each file: a p50 of at least 24 calls.
NUM_RUNS = 12
# To call the files with; their answers were judged before.
IMAGES = 64


def measured(
    files: Mapping[str, Path], split: Split, labels: tuple[str, ...], progress: Progress = silent
) -> dict[str, float]:
    """p50 in milliseconds by the name of each trial that could be timed.

    Args:
        files: by the name of a trial.
        split: images of the right shape.
    """
    few = evenly_spaced(split, IMAGES)
    data = Data(
        name="validation", split="validation", images=len(few), sha256=few.sha256, full_images=len(split),
        labels=list(labels), source="", is_sample=False,
    )  # fmt: skip
    document = benchmark(candidates_for(files.values()), few, data, Plan(num_runs=NUM_RUNS), progress=progress)
    if document.interrupted:
        raise KeyboardInterrupt
    p50 = {row.file: row.p50_ms for row in document.rows}
    return {name: found for name, path in files.items() if (found := p50.get(path.name)) is not None}


def from_document(trials: tuple[Trial, ...], document: Document, where: Path) -> tuple[Trial, ...]:
    """The trials with the latencies of files of the same format, precision and method in another benchmark; those of a
    narrower network have the latency of a file that is named after it (``cifar10-width0.5_int8.tflite``).

    Raises:
        DataError: there is none.
    """
    rows = [row for row in document.rows if row.p50_ms is not None]
    known = {(row.format, row.precision, row.qat, _width_in(row.file)): row.p50_ms for row in rows}
    found = tuple(
        replace(trial, p50_ms=known.get((trial.format, trial.precision, trial.method == "qat", _width_of(trial))))
        for trial in trials
    )
    if trials and all(trial.p50_ms is None for trial in found):
        raise DataError(f"{where} has no latency of any candidate's format and precision: benchmark such files there")
    return found


def _width_of(trial: Trial) -> str:
    return "" if trial.width is None else f"{trial.width:g}"


def _width_in(file: str) -> str:
    """``0.5`` in ``cifar10-width0.5_int8.tflite``; empty where a name has none."""
    found = re.search(r"-width(0\.\d+)_", file)
    return found[1] if found else ""
