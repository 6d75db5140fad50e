"""How accuracy, size and work of a network follow its width: short trainings of the same recipe, kept as
``width.json``."""

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
from cnnedge.studies.trial import train_and_convert
from cnnedge.training.recipes import Recipe

SCHEMA = 1
_ROW_KEYS = {"width", "parameters", "macs", "int8_bytes", "float_top1", "int8_top1", "seconds"}


def measure_widths(
    model_name: str,
    data: Dataset,
    recipe: Recipe,
    widths: Sequence[float],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train ``model_name`` at every width and convert it to int8: the document ``width.json``.

    Args:
        data: trained on its train split, measured on all its test images.
        widths: factors on every channel count, as in ``models.build_model``.
        seed: of every training.

    Raises:
        CnnedgeError: a training or a conversion failed.
    """
    return {
        "schema": SCHEMA,
        "model": model_name,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "seed": seed,
        "data": {
            "name": data.name, "is_sample": data.is_sample, "train_images": len(data.train),
            "test_images": len(data.test),
        },
        "rows": [_row(model_name, data, recipe, width, seed, progress) for width in widths],
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


def _row(model_name: str, data: Dataset, recipe: Recipe, width: float, seed: int, progress: Progress) -> dict[str, Any]:
    """One width, trained in a folder that is gone afterwards."""

    def report(stage: str, done: int, total: int) -> None:
        progress(f"width {width:g}: {stage}", done, total)

    with tempfile.TemporaryDirectory() as folder:
        trial = train_and_convert(
            model_name, data, recipe, folder=Path(folder), seed=seed, width=width, progress=report
        )
    return {
        "width": width,
        "parameters": trial.network.count_params(),
        "macs": count_macs(trial.network),
        "int8_bytes": trial.int8_bytes,
        "float_top1": trial.float_top1,
        "int8_top1": trial.int8_top1,
        "seconds": trial.seconds,
    }
