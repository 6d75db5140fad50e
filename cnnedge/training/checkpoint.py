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
from typing import TYPE_CHECKING, Any

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.files import write_atomically

if TYPE_CHECKING:
    import keras

HISTORY = "history.csv"


def weights_file(folder: Path) -> Path:
    """Where the checkpoint of a training in ``folder`` lies."""
    return folder / "checkpoint" / "latest.weights.h5"


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


def begin(folder: Path, identity: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make ``folder`` ready for a training that ``identity`` (JSON-able) describes.

    Raises:
        FileExistsRefusal: an unfinished training is there, and neither ``resume`` nor ``overwrite`` is true.
        UsageError: the training to resume is another one.
    """
    note = weights_file(folder).with_name("training.json")
    if resume and note.exists():
        _refuse_other(json.loads(note.read_text()), identity, folder)
        return
    if not (resume or overwrite):
        refuse_unfinished(folder)
    discard(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    write_atomically(note, json.dumps(identity, indent=1).encode())


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


def _refuse_other(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    wanted = json.loads(json.dumps(wanted))  # as it reads after a trip through the file
    found = {"width": 1.0} | found  # a training that was begun before widths were noted
    for name, value in wanted.items():
        if found.get(name) != value:
            raise UsageError(
                f"the checkpoint in {folder} was made with {name} {found.get(name)}, not {value}: "
                f"repeat the first command with --resume, or begin again with --overwrite"
            )
