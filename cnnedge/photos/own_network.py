"""Someone's own network, taken up for other pictures: first a fresh head alone, then all of it in small steps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import pipeline
from cnnedge.data import Dataset
from cnnedge.lock import alone_in
from cnnedge.model.networks import OWN
from cnnedge.model.source import SourceModel
from cnnedge.photos.frozen_base import write_with_head
from cnnedge.photos.recipe_for import recipe_for
from cnnedge.progress import Progress, silent
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Recipe
from cnnedge.training.start import check_saved, replace_head

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Wish:
    """How it is trained: ``name``: of the result; ``epochs`` and ``batch_size``: instead of those that fit the number
    of pictures; ``teacher``: a network to learn from besides."""

    name: str
    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 0
    teacher: SavedNetwork | None = None


def take_up(
    own: SourceModel, wish: Wish, data: Dataset, folder: Path, *, resume: bool, overwrite: bool,
    progress: Progress = silent,
) -> "keras.Model":  # fmt: skip
    """Train the network that was read, with a head for the classes of ``data``, and write it to ``folder``.

    The base is frozen while the head is trained; after that all weights learn, but for the statistics of batch norms,
    of which few pictures say too little.

    Raises:
        ModelError: its head cannot be replaced.
        CnnedgeError: see ``pipeline.train_and_save``.
    """
    with alone_in(folder, "training"):
        start = _start(own, data, folder, seed=wish.seed, resume=resume, progress=progress)
        job = TrainingJob(
            OWN, _recipe(wish, data), wish.seed, init=start, teacher=wish.teacher, shape=data.image_shape,
            name=wish.name,
        )  # fmt: skip
        check_saved(job)
        network = pipeline.train_and_save(
            job, data, folder=folder, resume=resume, overwrite=overwrite, progress=progress
        )
        start.path.unlink()
    return network


def _start(
    own: SourceModel, data: Dataset, folder: Path, *, seed: int, resume: bool, progress: Progress
) -> SavedNetwork:
    """The network with a trained head; it lies in ``folder`` until all is done, named after what it was made of."""
    path = folder / f"start_{own.path.stem}_{SavedNetwork.of(own.path).sha256[:12]}.keras"
    if not (resume and path.is_file()):
        network = replace_head(own.model, len(data.labels), seed)
        write_with_head(network, data.train, path, mirrored=_may_be_mirrored(data), progress=progress)
    return SavedNetwork.of(path)


def _recipe(wish: Wish, data: Dataset) -> Recipe:
    chosen = recipe_for(len(data.train), min(data.image_shape[:2]), from_base=True, epochs=wish.epochs)
    augmentation = replace(chosen.augmentation, flip=_may_be_mirrored(data))
    return replace(chosen, augmentation=augmentation, batch_size=wish.batch_size or chosen.batch_size)


def _may_be_mirrored(data: Dataset) -> bool:
    """Photos may; grey pictures can be of writing."""
    return data.image_shape[2] == 3
