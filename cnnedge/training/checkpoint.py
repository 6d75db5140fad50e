"""Taking up a training where it was killed.

After each epoch one file, ``checkpoint/latest.weights.h5``, holds everything that the next epoch depends on: the
weights, and the optimizer's momentum, weight average and step count. The epoch is not stored: it is the step count over
the steps per epoch. Order, augmentation and dropout follow from the seed and the epoch.

``keras.callbacks.BackupAndRestore`` keeps the same contents, but writes the weights in place and the epoch into a
second file. Killed inside the one write it leaves a broken file, killed between the two a weights file that is an epoch
ahead of its number. Here the file is replaced in one step, so that either epoch is whole at any moment.
"""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.files import write_atomically
from cnnedge.manifest import TrainingRecord
from cnnedge.records import from_json, to_json
from cnnedge.training.job import TrainingJob

if TYPE_CHECKING:
    import keras

HISTORY = "history.csv"


def weights_file(folder: Path) -> Path:
    """Where the checkpoint of a training in ``folder`` lies."""
    return folder / "checkpoint" / "latest.weights.h5"


def record_file(folder: Path) -> Path:
    """Where the job of a training in ``folder`` is written down."""
    return weights_file(folder).with_name("training.json")


def record(folder: Path) -> TrainingRecord:
    """What the checkpoint in ``folder`` is a checkpoint of.

    Raises:
        ModelError: it does not say so.
    """
    path = record_file(folder)
    try:
        return from_json(TrainingRecord, json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}): begin again with --overwrite") from None


def is_unfinished(folder: Path) -> bool:
    """Whether ``folder`` holds the checkpoint of a training that can be resumed."""
    return weights_file(folder).parent.exists()


def refuse_unfinished(folder: Path) -> None:
    """Raise if ``folder`` holds the checkpoint of a training that can be resumed.

    Raises:
        FileExistsRefusal: it does.
    """
    if is_unfinished(folder):
        raise FileExistsRefusal(
            f"{folder} holds an unfinished training: add --resume to go on with it, or --overwrite to begin again"
        )


def begin(folder: Path, job: TrainingJob, *, resume: bool, overwrite: bool) -> None:
    """Make ``folder`` ready for ``job``.

    Raises:
        FileExistsRefusal: an unfinished training is there, and neither ``resume`` nor ``overwrite`` is true.
        UsageError: the training to resume is another one.
        ModelError: the record of the training to resume cannot be read.
    """
    if resume and record_file(folder).exists():
        _refuse_other(folder, job)
        return
    if not (resume or overwrite):
        refuse_unfinished(folder)
    discard(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    import keras

    begun = job.record(backend=keras.backend.backend(), versions={})
    write_atomically(record_file(folder), (json.dumps(to_json(begun), indent=1) + "\n").encode())


def restore(folder: Path, model: "keras.Model", steps_per_epoch: int) -> int:
    """Load the checkpoint in ``folder``, if one was written, and return how many epochs are done.

    ``history.csv`` is left with just as many rows: a training that was killed between the row of an epoch and its
    checkpoint has a row too many, or part of one.

    Raises:
        ModelError: the checkpoint cannot be read.
    """
    path = weights_file(folder)
    epochs = 0
    if path.exists():
        # The optimizer's variables must exist before they can be loaded.
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{path} cannot be read ({error}): begin again with --overwrite") from error
        epochs = int(model.optimizer.iterations) // steps_per_epoch
    _trim_history(folder / HISTORY, epochs)
    return epochs


def discard(folder: Path) -> None:
    """Remove the checkpoint of a training that is finished and saved, or not wanted any more."""
    shutil.rmtree(weights_file(folder).parent, ignore_errors=True)


def _trim_history(path: Path, epochs: int) -> None:
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        write_atomically(path, "".join(lines[: epochs + 1] if epochs else []).encode())


def _refuse_other(folder: Path, wanted: TrainingJob) -> None:
    found = TrainingJob.from_record(record(folder))
    difference = found.difference(wanted)
    if difference is not None:
        raise UsageError(
            f"the checkpoint in {folder} was made with {difference}: "
            f"repeat the first command with --resume, or begin again with --overwrite"
        )
