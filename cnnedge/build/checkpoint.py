"""Taking up a training where it was killed.

After each epoch one file, ``checkpoint/latest.weights.h5``, holds everything that the next epoch depends on: the
weights, the optimizer's momentum, weight average and step count, and the state of the dropout generators. The epoch
is not stored: it is the step count over the steps per epoch.

``keras.callbacks.BackupAndRestore`` keeps the same contents, but writes the weights in place and the epoch into a
second file. Killed inside the one write it leaves a broken file, killed between the two a weights file that is an
epoch ahead of its number. Here the file is replaced in one step, so that either epoch is whole at any moment.
"""

import csv
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.files import write_atomically

HISTORY = "history.csv"


class Checkpoint(keras.callbacks.Callback):
    """Writes the state of the training to ``path`` at the end of each epoch, in one step."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / self.path.name
            self.model.save_weights(written)
            write_atomically(self.path, written.read_bytes())


def weights_file(folder: Path) -> Path:
    """Where the checkpoint of a training in ``folder`` lies."""
    return folder / "checkpoint" / "latest.weights.h5"


def begin(folder: Path, identity: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make ``folder`` ready for a training that ``identity`` (JSON-able) describes.

    Raises:
        FileExistsRefusal: a checkpoint is there, and neither ``resume`` nor ``overwrite`` was asked for.
        UsageError: the checkpoint to resume belongs to another training.
    """
    note = weights_file(folder).with_name("training.json")
    if resume and note.exists():
        _refuse_other(json.loads(note.read_text()), identity, folder)
        return
    if weights_file(folder).parent.exists() and not overwrite:
        raise FileExistsRefusal(
            f"{folder} holds the checkpoint of an unfinished training: add --resume to go on with it, "
            f"or --overwrite to begin again"
        )
    discard(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    write_atomically(note, json.dumps(identity, indent=1).encode())


def restore(folder: Path, model: keras.Model, steps_per_epoch: int) -> int:
    """Load the checkpoint in ``folder``, if one was written, and return how many epochs are done.

    Raises:
        ModelError: the checkpoint cannot be read.
    """
    path = weights_file(folder)
    if not path.exists():
        return 0
    # The optimizer's variables must exist before they can be loaded.
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"the checkpoint {path} cannot be read ({error}): begin again with --overwrite"
        ) from error
    return int(model.optimizer.iterations) // steps_per_epoch


def trim_history(path: Path, epochs: int) -> None:
    """Leave the first ``epochs`` rows of a history file.

    A training killed between the row and the checkpoint of an epoch has a row too many, or part of one.
    """
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        write_atomically(path, "".join(lines[: 1 + epochs] if epochs else []).encode())


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a ``history.csv``: one dictionary per epoch."""
    with path.open(newline="") as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


def discard(folder: Path) -> None:
    """Remove the checkpoint of a training that is finished and saved, or is not wanted any more."""
    shutil.rmtree(weights_file(folder).parent, ignore_errors=True)


def _refuse_other(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    wanted = json.loads(json.dumps(wanted))  # as it reads after a trip through the file: tuples are lists
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        name = different[0]
        raise UsageError(
            f"the checkpoint in {folder} was made with {name} {found.get(name)}, not {wanted[name]}: "
            f"repeat the first command with --resume, or begin again with --overwrite"
        )
