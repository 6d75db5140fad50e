"""How much a model's accuracy depends on chance: the shipped training again from other seeds, kept as ``seeds.json``.

The document is ``{"seeds": [{"seed", "float_top1", "int8_top1"}, ...]}``; the shipped model comes first.
"""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnedge.data import Dataset
from cnnedge.errors import DataError
from cnnedge.files import write_atomically
from cnnedge.manifest import MANIFEST, read_manifest
from cnnedge.progress import Progress, silent
from cnnedge.studies.trial import INT8, train_and_convert
from cnnedge.training.job import SavedNetwork, TrainingJob


@dataclass(frozen=True)
class Shipped:
    """A model that this package trained: its training, and the ``row`` of its seed and its measured top-1."""

    job: TrainingJob
    row: dict[str, Any]


def shipped(folder: Path) -> Shipped:
    """What the manifest of ``folder`` says of the training, and of the top-1 of the float and the int8 file.

    Raises:
        DataError: there is no manifest, or the model was not trained here, or a file is not in it.
    """
    manifest = read_manifest(folder)
    expected = "expected a folder that cnnedge train and cnnedge export have filled"
    if manifest is None or manifest.training is None:
        raise DataError(f"{folder / MANIFEST} does not say how the model was trained: {expected}")
    files, int8 = manifest.files, INT8.files(manifest.model)[0]
    missing = [file for file in (manifest.baseline, int8) if file not in files or files[file].top1 is None]
    if missing:
        raise DataError(f"{folder / MANIFEST} has no accuracy of {missing[0]}: {expected}")
    job = TrainingJob.from_record(manifest.training)
    top1 = {"float_top1": files[manifest.baseline].top1, "int8_top1": files[int8].top1}
    return Shipped(job, {"seed": job.seed, **top1})


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
        DataError: see ``shipped``; ``out`` belongs to another model; another teacher than the shipped one's.
        CnnedgeError: a training or a conversion failed.
    """
    model = shipped(folder)
    job = dataclasses.replace(model.job, data=None, teacher=_checked_teacher(model.job, teacher))
    rows = json.loads(out.read_bytes())["seeds"] if out.is_file() else [model.row]
    if rows[0] != model.row:
        raise DataError(f"{out} begins with {rows[0]}, the shipped model is {model.row}: remove it to measure anew")
    for seed in seeds:
        if seed in [row["seed"] for row in rows]:
            continue

        def report(stage: str, done: int, total: int, seed: int = seed) -> None:
            progress(f"seed {seed}: {stage}", done, total)

        trial = train_and_convert(
            dataclasses.replace(job, seed=seed), data, folder=work / f"seed-{seed}", resume=True, progress=report
        )
        rows.append({"seed": seed, "float_top1": trial.float_top1, "int8_top1": trial.int8_top1})
        write_atomically(out, (json.dumps({"seeds": rows}, indent=1) + "\n").encode())
    return rows


def _checked_teacher(job: TrainingJob, given: Path | None) -> SavedNetwork | None:
    """The file that is ``given``, if it is the one that ``job`` learned from."""
    teacher = None if given is None else SavedNetwork.of(given)
    if teacher != job.teacher:
        named = "no teacher" if job.teacher is None else f"--teacher {job.teacher}"
        raise DataError(f"the shipped {job.network} was trained with {named}, not with {given or 'none'}")
    return teacher
