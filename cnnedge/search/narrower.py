"""Narrower networks of our own as further candidates: trained as the model was, each in a folder of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.data import Dataset
from cnnedge.documents.trials import Search
from cnnedge.errors import FileExistsRefusal, UsageError
from cnnedge.files import check_writable, sha256_of
from cnnedge.lock import refuse_held
from cnnedge.manifest import TrainingRecord, training_record
from cnnedge.model.networks import MODELS
from cnnedge.progress import Progress, silent
from cnnedge.training import checkpoint
from cnnedge.training.job import TrainingJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnnedge.convert.converter import Converter


@dataclass(frozen=True, eq=False)
class Narrower:
    """A trained one: its width, its ``.keras`` file, and what converts it."""

    width: float
    source: Path
    converter: "Converter"


def asked_widths(text: str | None) -> tuple[float, ...]:
    """The widths in ``0.75,0.5``, the widest first.

    Raises:
        UsageError: one is no number between 0 and 1.
    """
    found = set()
    for word in (text or "").split(",") if text is not None else ():
        try:
            width = float(word)
        except ValueError:
            width = 0.0
        if not 0 < width < 1:
            raise UsageError(f"--width {word.strip()!r}: expected factors between 0 and 1, such as 0.75,0.5")
        found.add(width)
    return tuple(sorted(found, reverse=True))


def jobs_of(widths: Sequence[float], record: TrainingRecord | None, model: Path, name: str) -> tuple[TrainingJob, ...]:
    """The trainings of the narrower networks: that of ``model`` again, but for the width.

    Raises:
        UsageError: the network is none of ours, begins or learns from another one, or is no wider.
        DataError: the record of its training cannot be used.
    """
    if not widths:
        return ()
    if record is None or record.network not in MODELS:
        raise UsageError(f"--width is for networks of cnnedge train --list, and {model} is none: leave --width out")
    for file, what in ((record.init, "began with"), (record.teacher, "learned from")):
        if file is not None:
            raise UsageError(f"{model} {what} {file.file}, and --width trains from nothing: leave --width out")
    if widths[0] >= record.width:
        raise UsageError(f"--width {widths[0]:g} is not narrower than {model}, whose width is {record.width:g}")
    job = TrainingJob.from_record(record)
    return tuple(replace(job, width=width, data=None, name=f"{name}-width{width:g}") for width in widths)


def check_places(jobs: Sequence[TrainingJob], out: Path) -> None:
    """Raise before any work if a narrower network may not be trained or taken up in its folder below ``out``.

    Raises:
        FileExistsRefusal: another network is there. CnnedgeError: another process trains there, or nothing can be
        written.
    """
    for job in jobs:
        folder = out / job.name
        check_writable(folder)
        refuse_held(folder, "training")
        path = folder / job.file
        found = training_record(path) if path.is_file() else None
        if path.is_file() and (found is None or (found.network, found.width) != (job.network, job.width)):
            raise FileExistsRefusal(
                f"{path} is not {job.network} at width {job.width:g}: move it away, or change --out"
            )


def check_pictures(model: Path, record: TrainingRecord, data: Dataset) -> None:
    """Raise unless ``data`` is what ``model`` was trained on: on other pictures a network of the same width would
    already be another one.

    Raises:
        UsageError: it is not.
    """
    if record.data.train_sha256 != data.train.sha256:
        raise UsageError(
            f"{model} was not trained on the training pictures of {data.name}: give --data with those, or leave "
            "--width out"
        )


def trained(
    job: TrainingJob, data: Dataset, out: Path, *, overwrite: bool, tell: "Callable[[str], None]",
    progress: Progress = silent,
) -> Path:  # fmt: skip
    """The network's file: as it lies there, or trained now; a training that was cut short is gone on with.

    Raises:
        CnnedgeError: see ``pipeline.train_and_save``; what lies there was trained on other pictures.
    """
    from cnnedge import pipeline

    folder = out / job.name
    path = folder / job.file
    found = training_record(path) if path.is_file() else None
    if found is not None and not checkpoint.is_unfinished(folder):
        check_pictures(path, found, data)
        tell(f"{path} is there, {found.recipe['epochs']} epochs of training: taken as it is")
        return path
    tell(
        f"train {job.network} at width {job.width:g} first, into {folder}: {job.recipe.epochs} epochs of "
        f"{job.steps_per_epoch(data)} batches of {job.recipe.batch_size}; interrupted, the same command goes on"
    )
    pipeline.train_and_save(job, data, folder=folder, resume=not overwrite, overwrite=overwrite, progress=progress)
    return path


def noted(record: Search, files: Sequence[Path]) -> Search:
    """``record`` with the narrower networks in ``files``.

    Raises:
        UsageError: it was begun with others.
    """
    found = tuple(sha256_of(file.read_bytes()) for file in files)
    if record.trials and record.narrower_sha256 != found:
        raise UsageError("the narrower networks are not those that this search began with: add --overwrite")
    return replace(record, narrower_sha256=found)
