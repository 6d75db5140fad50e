"""Taking up a training where it was killed, at whatever moment.

After each epoch one file, ``checkpoint/latest``, holds everything that the next epoch depends on: the weights, and the
optimizer's momentum, weight average and step count, with a SHA-256 of it all. The epoch is not stored: it is the step
count over the steps per epoch. Order, augmentation and dropout follow from the seed and the epoch.

``checkpoint/training.json`` says whose checkpoint it is, and, once the trained network is saved, which file that is.
While it is there, something is left to do. It is written first and removed first: what a killed removal leaves is not
taken for a training.

``keras.callbacks.BackupAndRestore`` keeps the same contents, but writes the weights in place and the epoch into a
second file. Killed inside the one write it leaves a broken file, killed between the two a weights file that is an epoch
ahead of its number. Here the file is replaced in one step, so that either epoch is whole at any moment.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.files import check_writable, refuse_existing, sha256_of, write_atomically
from cnnedge.lock import refuse_held
from cnnedge.manifest import FileFacts, TrainingRecord
from cnnedge.records import from_json, to_json
from cnnedge.training.history import check_history, trim_history
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.parts import Part, with_part
from cnnedge.training.sealed import read_sealed, write_sealed
from cnnedge.training.workers import from_first

if TYPE_CHECKING:
    import keras

HISTORY = "history.csv"


@dataclass(frozen=True)
class State:
    """Whose checkpoint it is, the file of the trained network once that is saved, and where each part was trained."""

    training: TrainingRecord
    trained: FileFacts | None = None
    parts: tuple[Part, ...] = ()


def weights_file(folder: Path) -> Path:
    """Where the checkpoint of a training in ``folder`` lies."""
    return folder / "checkpoint" / "latest"


def state_file(folder: Path) -> Path:
    """Where the state of a training in ``folder`` is written down."""
    return weights_file(folder).with_name("training.json")


def state(folder: Path) -> State:
    """What is left to do in ``folder``, which ``is_unfinished``.

    Raises:
        ModelError: its record is damaged.
    """
    path = state_file(folder)
    try:
        return from_json(State, json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}): begin again with --overwrite, without --resume") from None


def is_unfinished(folder: Path) -> bool:
    """Whether ``folder`` holds a training, or what follows on it, that can be resumed."""
    return state_file(folder).exists()


def _is_resumable(folder: Path) -> bool:
    """As ``is_unfinished``.

    Raises:
        ModelError: the record of what is unfinished is damaged.
    """
    return is_unfinished(folder) and bool(state(folder))


def check_start(
    folder: Path,
    files: Iterable[Path],
    *,
    resume: bool,
    overwrite: bool,
    unfinished: Callable[[Path], bool] = _is_resumable,
) -> None:
    """Raise before any work if a training in ``folder`` may neither begin nor go on.

    Args:
        files: what it will write.
        unfinished: whether a folder holds such a training.

    Raises:
        FileExistsRefusal: an unfinished training is there, or one of ``files``, and it may not be replaced.
        CnnedgeError: ``folder`` cannot be written, another process trains in it, or the record there is damaged.
    """
    check_writable(folder)
    refuse_held(folder, "training")
    if (resume and unfinished(folder)) or overwrite:
        return
    _refuse_unfinished(folder, unfinished)
    finished = [path for path in files if path.exists()]
    if resume and finished:
        raise FileExistsRefusal(
            f"{finished[0]} is there, and nothing is left to resume: use it, or add --overwrite to begin again"
        )
    refuse_existing(finished, overwrite=False)


def _refuse_unfinished(folder: Path, unfinished: Callable[[Path], bool] = is_unfinished) -> None:
    if unfinished(folder):
        raise FileExistsRefusal(
            f"{folder} holds an unfinished training: add --resume to go on with it, or --overwrite to begin again"
        )


def begin(folder: Path, job: TrainingJob, *, resume: bool, overwrite: bool) -> SavedNetwork | None:
    """Make ``folder`` ready for ``job``; the network, if it is trained already and only what follows is left to do.

    What is not trained yet may go on to another number of epochs, and in another arithmetic (``half``): weights and
    momentum are float32 in both.

    Raises:
        FileExistsRefusal: an unfinished training is there, and neither ``resume`` nor ``overwrite`` is true.
        UsageError: the training to resume is another one.
        ModelError: the record of the training to resume is damaged, or its trained network is gone.
    """
    if resume and is_unfinished(folder):
        found = state(folder)
        first = TrainingJob.from_record(found.training)
        _refuse_other(folder, first if found.trained else first.continued_as(job), job)
        return None if found.trained is None else _trained(folder, found.trained)
    if not (resume or overwrite):
        _refuse_unfinished(folder)
    discard(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    _write(folder, State(_record(job)))
    return None


def begin_part(folder: Path, job: TrainingJob, part: Part) -> None:
    """Note that ``job``, the training in ``folder``, goes on with ``part``.

    Raises:
        UsageError: more epochs are done than it is to have.
    """
    if part.first_epoch > part.planned_epochs:
        raise UsageError(
            f"{folder} has {part.first_epoch} epochs done, more than the {part.planned_epochs} asked for: "
            "give --epochs with at least as many"
        )
    parts = with_part(state(folder).parts, part)
    _write(folder, State(_record(job), parts=parts))


def _record(job: TrainingJob) -> TrainingRecord:
    import keras

    return job.record(backend=keras.backend.backend(), versions={})


def mark_trained(folder: Path, network: Path) -> None:
    """Note that the training in ``folder`` is done and ``network``, in that folder, is its ``.keras`` file."""
    facts = FileFacts(network.name, sha256_of(network.read_bytes()))
    _write(folder, replace(state(folder), trained=facts))


def save(folder: Path, model: "keras.Model") -> None:
    """Write the checkpoint of the compiled ``model`` in one step."""
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch) / "latest.weights.h5"
        model.save_weights(written)
        content = written.read_bytes()
    write_sealed(weights_file(folder), content)


def restore(folder: Path, model: "keras.Model", steps_per_epoch: int) -> int:
    """Load the checkpoint in ``folder`` (of several workers, the first one's), if one was written, and return how many
    epochs are done.

    ``history.csv`` is left with just as many rows: a training that was killed between the row of an epoch and its
    checkpoint has a row too many, or part of one.

    Raises:
        ModelError: the checkpoint is damaged, or of another network; or rows of ``history.csv`` are, or are gone.
    """
    path, epochs = weights_file(folder), 0
    own = read_sealed(path) if path.exists() else b""
    content = from_first(own)
    if content:
        _load(model, content, path)
        epochs = int(model.optimizer.iterations) // steps_per_epoch
    if content == own:  # another worker's own rows may be behind, and nobody asks for them
        check_history(folder / HISTORY, epochs)
    trim_history(folder / HISTORY, epochs)
    return epochs


def discard(folder: Path) -> None:
    """Remove the checkpoint of a training that is finished and saved, or not wanted any more."""
    state_file(folder).unlink(missing_ok=True)
    shutil.rmtree(weights_file(folder).parent, ignore_errors=True)


def _write(folder: Path, state: State) -> None:
    write_atomically(state_file(folder), (json.dumps(to_json(state), indent=1) + "\n").encode())


def _load(model: "keras.Model", content: bytes, path: Path) -> None:
    # The optimizer's variables must exist before they can be loaded.
    model.optimizer.build(model.trainable_variables)
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "latest.weights.h5"
        weights.write_bytes(content)
        try:
            model.load_weights(weights)
        except Exception as error:  # the file is whole: its weights are of a network that another version built
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(f"{path} does not fit this network ({reason}): begin again with --overwrite") from error


def _trained(folder: Path, facts: FileFacts) -> SavedNetwork:
    path = folder / facts.file
    if not path.is_file() or sha256_of(path.read_bytes()) != facts.sha256:
        raise ModelError(f"{path} is not the network that was trained here any more: begin again with --overwrite")
    return SavedNetwork(path, facts.sha256)


def _refuse_other(folder: Path, found: TrainingJob, wanted: TrainingJob) -> None:
    refuse_difference(folder, found.difference(wanted))


def refuse_difference(folder: Path, difference: str | None) -> None:
    """Raise a UsageError that names a ``difference`` between the training in ``folder`` and the one asked for."""
    if difference is not None:
        raise UsageError(
            f"the checkpoint in {folder} was made with {difference}: "
            f"repeat the first command with --resume, or begin again with --overwrite"
        )
