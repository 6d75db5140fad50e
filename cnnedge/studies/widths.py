"""How accuracy, size and work of a network follow its width: short trainings of the same recipe, kept as
``width.json``."""

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnedge.data import Dataset
from cnnedge.errors import DataError
from cnnedge.files import write_atomically
from cnnedge.model.networks import count_macs
from cnnedge.progress import Progress, silent
from cnnedge.training.job import TrainingJob

SCHEMA = 1
_ROW_KEYS = {"width", "parameters", "macs", "int8_bytes", "float_top1", "int8_top1", "seconds"}


def measure_widths(
    job: TrainingJob, data: Dataset, widths: Sequence[float], *, progress: Progress = silent
) -> dict[str, Any]:
    """Do ``job`` at every width and convert the network to int8: the document ``width.json``.

    Args:
        data: trained on its train split, measured on all its test images.
        widths: factors on every channel count, each in place of the job's own.

    Raises:
        CnnedgeError: a training or a conversion failed.
    """
    return {
        "schema": SCHEMA,
        "model": job.network,
        "epochs": job.recipe.epochs,
        "batch_size": job.recipe.batch_size,
        "seed": job.seed,
        "data": {
            "name": data.name, "is_sample": data.is_sample, "train_images": len(data.train),
            "test_images": len(data.test),
        },
        "rows": [_row(dataclasses.replace(job, width=width), data, progress) for width in widths],
    }  # fmt: skip


def write_widths(path: Path, document: dict[str, Any]) -> None:
    """Write ``width.json`` in one step."""
    write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


def load_widths(path: Path) -> dict[str, Any]:
    """Read a ``width.json``.

    Raises:
        DataError: it cannot be read, or is not such a document.
    """
    try:
        document = json.loads(path.read_bytes())
        rows = document["rows"]
        sound = document["schema"] == SCHEMA and {"epochs", "seed", "data"} <= set(document) and bool(rows)
        sound = sound and all(set(row) >= _ROW_KEYS for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error!r}): expected what scripts/width_curve.py writes") from None
    if not sound:
        raise DataError(f"{path} is not a width curve of schema {SCHEMA}: run scripts/width_curve.py again")
    return document


def _row(job: TrainingJob, data: Dataset, progress: Progress) -> dict[str, Any]:
    """One width, trained in a folder that is gone afterwards."""
    from cnnedge.studies.trial import train_and_convert  # loads Keras, which who only reads width.json does without

    def report(stage: str, done: int, total: int) -> None:
        progress(f"width {job.width:g}: {stage}", done, total)

    with tempfile.TemporaryDirectory() as folder:
        trial = train_and_convert(job, data, folder=Path(folder), progress=report)
    return {
        "width": job.width,
        "parameters": trial.network.count_params(),
        "macs": count_macs(trial.network),
        "int8_bytes": trial.int8_bytes,
        "float_top1": trial.float_top1,
        "int8_top1": trial.int8_top1,
        "seconds": trial.seconds,
    }
