"""How much a model's accuracy depends on chance: the shipped training again from other seeds, kept as ``seeds.json``.

The document is ``{"seeds": [{"seed", "float_top1", "int8_top1"}, ...]}``; the shipped model comes first.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnnedge.convert.exporting import MANIFEST
from cnnedge.data import Dataset
from cnnedge.errors import DataError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.progress import Progress, silent
from cnnedge.studies.trial import INT8, train_and_convert
from cnnedge.training.recipes import Augmentation, Recipe


def shipped_training(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder``: a model that this package trained, with the float and the int8 file measured.

    Raises:
        DataError: there is no such manifest.
    """
    path = folder / MANIFEST
    expected = "expected a folder that cnnedge train and cnnedge export have filled"
    try:
        manifest = json.loads(path.read_bytes())
        name = manifest["model"]
        shipped_row(manifest)
        shipped_recipe(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not say how the model was trained ({error!r}): {expected}") from None
    if not isinstance(name, str):
        raise DataError(f"{path} names no model: {expected}")
    return dict(manifest)


def shipped_row(manifest: dict[str, Any]) -> dict[str, Any]:
    """Seed and top-1 of the model that the manifest describes."""
    files, name = manifest["files"], manifest["model"]
    int8 = files[INT8.names(name)[0].filename]
    return {
        "seed": manifest["training"]["seed"],
        "float_top1": files[f"{name}.keras"]["top1"],
        "int8_top1": int8["top1"],
    }


def shipped_recipe(manifest: dict[str, Any]) -> Recipe:
    """The recipe that the manifest records."""
    recorded = manifest["training"]["recipe"]
    return Recipe(**{**recorded, "augmentation": Augmentation(**recorded["augmentation"])})


def measure_seeds(
    folder: Path,
    data: Dataset,
    seeds: Iterable[int],
    *,
    out: Path,
    work: Path,
    teacher: Path | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Train the model of ``folder`` once from each of ``seeds`` and write ``out`` after every one.

    Seeds that ``out`` already holds are not trained again, and a training that was cut short goes on: its checkpoint
    lies in ``work/seed-N``.

    Args:
        data: trained on its train split, measured on all its test images.
        teacher: the ``.keras`` file that the shipped model learned from, if it had one.

    Returns:
        The rows, the shipped model first.

    Raises:
        DataError: see ``shipped_training``; ``out`` belongs to another model; another teacher than the shipped one's.
        CnnedgeError: a training or a conversion failed.
    """
    manifest = shipped_training(folder)
    _check_teacher(manifest, teacher)
    shipped = shipped_row(manifest)
    rows = json.loads(out.read_bytes())["seeds"] if out.is_file() else [shipped]
    if rows[0] != shipped:
        raise DataError(f"{out} begins with {rows[0]}, the shipped model is {shipped}: remove it to measure anew")
    for seed in seeds:
        if seed in [row["seed"] for row in rows]:
            continue

        def report(stage: str, done: int, total: int, seed: int = seed) -> None:
            progress(f"seed {seed}: {stage}", done, total)

        trial = train_and_convert(
            manifest["model"], data, shipped_recipe(manifest), folder=work / f"seed-{seed}", seed=seed,
            width=manifest["training"]["width"], resume=True, teacher=teacher, progress=report,
        )  # fmt: skip
        rows.append({"seed": seed, "float_top1": trial.float_top1, "int8_top1": trial.int8_top1})
        write_atomically(out, (json.dumps({"seeds": rows}, indent=1) + "\n").encode())
    return rows


def _check_teacher(manifest: dict[str, Any], teacher: Path | None) -> None:
    recorded: dict[str, str] | None = manifest["training"]["teacher"]
    given = sha256_of(teacher.read_bytes()) if teacher else None
    if given != (recorded["sha256"] if recorded else None):
        named = f"--teacher {recorded['file']} (SHA-256 {recorded['sha256']})" if recorded else "no teacher"
        raise DataError(f"the shipped {manifest['model']} was trained with {named}, not with {teacher or 'none'}")
