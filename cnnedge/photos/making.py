"""The whole way from a folder of photos to one file; every step is taken up where it was stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cnnedge import pipeline
from cnnedge.convert.converter import Converter
from cnnedge.convert.qat.learning import Learning
from cnnedge.data import Dataset
from cnnedge.documents import Document
from cnnedge.documents.trials import Search, Wish
from cnnedge.errors import DataError
from cnnedge.lock import alone_in
from cnnedge.model.networks import PHOTOS
from cnnedge.photos import imagenet
from cnnedge.photos.frozen_base import write_start
from cnnedge.photos.recipe_for import recipe_for
from cnnedge.progress import Progress, silent
from cnnedge.records import known
from cnnedge.report.frontier import write_frontier
from cnnedge.search.beginning import begun, subject_of
from cnnedge.search.choosing import fate
from cnnedge.search.steps import SEARCH, Seeker
from cnnedge.search.taking import take
from cnnedge.training import checkpoint
from cnnedge.training.job import SavedNetwork, TrainingJob

# int16x8 has slow kernels and lands between int8 and float16 in size: nobody's smallest file.
PRECISIONS = ("float16", "dynamic", "int8", "int8_mixed")
PAGE = "search.html"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What was asked for. ``base``: a network of ``keras.applications``, or None to begin from nothing. ``epochs``:
    instead of those that fit the number of photos. ``num_runs``: timed calls of the file, see ``Plan``."""

    name: str
    max_drop_pp: float
    base: str | None
    epochs: int | None = None
    num_runs: int | None = None
    seed: int = 0

    @property
    def wish(self) -> Wish:
        return Wish(self.max_drop_pp, "smallest", ("tflite",), PRECISIONS, self.seed)


def planned_files(folder: Path, name: str) -> list[Path]:
    """Every file that may be written into ``folder``, but for the one that the search takes."""
    own = [checkpoint.HISTORY, SEARCH, PAGE, pipeline.BENCHMARK, pipeline.REPORT]
    return [folder / file for file in (f"{name}.keras", *own)]


def make(
    order: Order, data: Dataset, folder: Path, *, resume: bool, overwrite: bool, tell: Tell, progress: Progress = silent
) -> tuple[Search, Document]:
    """Train, search and measure; what the search found, and the benchmark of its file.

    Raises:
        CnnedgeError: a step failed; those before it stay done, for ``resume``.
    """
    with alone_in(folder, "training"):
        start = _start(order, data, folder, resume=resume, tell=tell, progress=progress)
        job = _job(order, data, start)
        tell(
            f"train on {len(data.train):,} photos of {job.size} x {job.size}: {job.recipe.epochs} epochs of "
            f"{job.steps_per_epoch(data)} batches of {job.recipe.batch_size}"
        )
        network = pipeline.train_and_save(
            job, data, folder=folder, resume=resume, overwrite=overwrite, keep_checkpoint=True, progress=progress
        )
        learning = Learning(checkpoints=folder)
        converter = Converter(network, data, job.recipe, seed=job.seed, learning=learning, progress=progress)
        found = _search(order, converter, folder, resume=resume, tell=tell, progress=progress)
        document = pipeline.measure(
            order.name, folder, data, files=[folder / known(found.file)], num_runs=order.num_runs, progress=progress
        )
        checkpoint.discard(folder)
        if job.init is not None:
            job.init.path.unlink()
    return found, document


def _start(
    order: Order, data: Dataset, folder: Path, *, resume: bool, tell: Tell, progress: Progress
) -> SavedNetwork | None:
    """The base with a trained head, which lies in ``folder`` until all is done; None to begin from nothing."""
    if order.base is None:
        return None
    path = folder / f"start_{order.base}.keras"
    if not (resume and path.is_file()):
        tell(f"begin with {order.base} as it was trained on ImageNet; its head first")
        write_start(order.base, data.train, len(data.labels), path, seed=order.seed, progress=progress)
    return SavedNetwork.of(path)


def _job(order: Order, data: Dataset, start: SavedNetwork | None) -> TrainingJob:
    size = data.image_shape[0]
    recipe = recipe_for(len(data.train), size, from_base=start is not None, epochs=order.epochs)
    return TrainingJob(PHOTOS, recipe, order.seed, init=start, size=size, name=order.name)


def _search(
    order: Order, converter: Converter, folder: Path, *, resume: bool, tell: Tell, progress: Progress
) -> Search:
    data, source = converter.data, folder / f"{order.name}.keras"
    if data is None or not len(data.validation):
        raise DataError("there are no validation photos, and a search decides on them: add photos")
    record = begun(folder, order.wish, subject_of(source, order.name, data), resume=resume)
    seeker = Seeker(converter, record, folder, tell, progress=progress)
    found = take(seeker, seeker.seek(qat=True), source=source, name=order.name)
    write_frontier(folder / PAGE, found, fate)
    return found


def reachable_base(size: int, progress: Progress = silent) -> str | None:
    """The default base, once its weights are here; None where they cannot be had."""
    try:
        imagenet.base(imagenet.DEFAULT, size, progress)
    except DataError:
        return None
    return imagenet.DEFAULT
