"""Taking up a quantization-aware training where it was killed, at whatever moment.

As in ``training.checkpoint``, and inside its folder: ``checkpoint/qat/`` holds a folder for each set of layers that
stay in float, with ``job.json``, which says whose checkpoint it is, and ``latest``: everything that the next step
depends on and the best state so far, written in one step after every look at the validation images. The batches follow
from the seed and the number of the step.
"""

import io
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.files import sha256_of
from cnnedge.lock import alone_in
from cnnedge.records import from_json, to_json, write_record
from cnnedge.training import checkpoint
from cnnedge.training.job import first_difference
from cnnedge.training.sealed import read_sealed, write_sealed

JOB = "job.json"


@dataclass(frozen=True)
class Job:
    """Everything that decides a quantization-aware training.

    ``model`` and the images are SHA-256, that of the model its weights'; ``recipe`` has the settings of ``Recipe`` that
    count here.
    """

    model: str
    teacher: str | None
    recipe: dict[str, Any]
    seed: int
    float_layers: tuple[str, ...]
    train_images: str
    validation_images: str
    calibration_images: str

    def settings(self) -> dict[str, Any]:
        """Every setting by the name that a person knows it by, in the types of JSON."""
        found = {name.replace("_", " "): value for name, value in to_json(asdict(self)).items()}
        return found.pop("recipe") | found


@dataclass(frozen=True)
class Watched:
    """A state on the validation images: ``agreement`` with the float model's answers, 0..1, and the mean ``loss``.
    ``step`` 0 is the start: post-training quantization with 7-bit weights."""

    step: int
    agreement: float
    loss: float


@dataclass(frozen=True, eq=False)
class State:
    """A training after ``step`` steps: the arrays of its model, of its optimizer and of its best state so far."""

    step: int
    start: Watched
    best: Watched
    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    best_weights: list[np.ndarray]


@dataclass(frozen=True)
class _Facts:
    """What a state holds besides arrays."""

    step: int
    start: Watched
    best: Watched


_ARRAYS = ("weights", "optimizer", "best_weights")


def weights_digest(weights: Iterable[np.ndarray]) -> str:
    """SHA-256 of a model's weights and their shapes."""
    return sha256_of(b"".join(str(one.shape).encode() + np.ascontiguousarray(one).tobytes() for one in weights))


def is_unfinished(folder: Path) -> bool:
    """Whether ``folder`` holds a quantization-aware training, or what follows on it, that can be resumed."""
    return any(_trainings(folder).glob(f"*/{JOB}"))


def check(folder: Path, job: Job) -> None:
    """Raise unless ``job`` may begin in ``folder`` or go on there.

    Raises:
        UsageError: the training there is another one. ModelError: its record is damaged.
    """
    path = _place(folder, job) / JOB
    if path.exists():
        found = _read_job(path)
        checkpoint.refuse_difference(folder, first_difference(found.settings(), job.settings()))


def begin(folder: Path, job: Job) -> Path:
    """The file for the states of ``job`` in ``folder``, which now says that this training is unfinished.

    Raises:
        UsageError, ModelError: see ``check``.
    """
    check(folder, job)
    place = _place(folder, job)
    place.mkdir(parents=True, exist_ok=True)
    write_record(place / JOB, job)
    return place / "latest"


def save(path: Path, state: State) -> None:
    """Write ``state`` in one step."""
    arrays = {f"{part} {number}": one for part in _ARRAYS for number, one in enumerate(getattr(state, part))}
    content, facts = io.BytesIO(), to_json(_Facts(state.step, state.start, state.best))
    np.savez(content, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
    write_sealed(path, content.getvalue())


def restore(path: Path) -> State | None:
    """The state that was written last; None before the first.

    Raises:
        ModelError: it is damaged.
    """
    if not path.exists():
        return None
    with np.load(io.BytesIO(read_sealed(path)), allow_pickle=False) as stored:
        facts = from_json(_Facts, json.loads(str(stored["facts"])))
        arrays = {part: [stored[name] for name in stored.files if name.startswith(f"{part} ")] for part in _ARRAYS}
    return State(facts.step, facts.start, facts.best, **arrays)


@contextmanager
def trainings_in(folder: Path, *, resume: bool) -> Iterator[None]:
    """Hold ``folder`` against other trainings. What is kept there goes before, unless ``resume``, and once all is done.

    Raises:
        CnnedgeError: another process trains there.
    """
    with alone_in(folder, "training"):
        if not resume:
            discard(folder)
        yield
        discard(folder)


def discard(folder: Path) -> None:
    """Remove what is kept for the trainings of an export that is finished, or not wanted any more."""
    places = _trainings(folder)
    for job in places.glob(f"*/{JOB}"):
        job.unlink()
    shutil.rmtree(places, ignore_errors=True)
    if places.parent.is_dir() and not any(places.parent.iterdir()):
        places.parent.rmdir()


def _trainings(folder: Path) -> Path:
    return checkpoint.weights_file(folder).with_name("qat")


def _place(folder: Path, job: Job) -> Path:
    return _trainings(folder) / sha256_of("\n".join(job.float_layers).encode())[:12]


def _read_job(path: Path) -> Job:
    try:
        return from_json(Job, json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}): begin again with --overwrite") from None
