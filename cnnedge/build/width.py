"""How accuracy, size and work of a network follow its width: short trainings of the same recipe, kept as
``width.json``."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnedge.build import checkpoint, pipeline
from cnnedge.build.converter import ExportPlan
from cnnedge.build.cost import epochs_and_seconds
from cnnedge.build.export import export
from cnnedge.build.models import count_macs
from cnnedge.build.recipes import Recipe
from cnnedge.datasets import Dataset
from cnnedge.errors import DataError
from cnnedge.files import write_atomically
from cnnedge.progress import Progress, silent

SCHEMA = 1
INT8 = ExportPlan(formats=("tflite",), precisions=("int8",))
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

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network = pipeline.train_and_save(
            model_name, data, recipe, folder=folder, seed=seed, width=width, progress=report
        )
        source = folder / f"{model_name}.keras"
        entries, failures = export(
            network, INT8, source=source, name=model_name, folder=folder, data=data, recipe=recipe, seed=seed,
            progress=report,
        )  # fmt: skip
        for file, reason in failures.items():
            raise DataError(f"{file} at width {width:g} failed: {reason}")
        _, seconds = epochs_and_seconds(folder / checkpoint.HISTORY)
    int8 = entries[INT8.names(model_name)[0].filename]
    return {
        "width": width,
        "parameters": network.count_params(),
        "macs": count_macs(network),
        "int8_bytes": int8["size_bytes"],
        "float_top1": entries[source.name]["top1"],
        "int8_top1": int8["top1"],
        "seconds": seconds,
    }
