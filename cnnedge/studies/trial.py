"""One training and its post-training int8 file, measured on all test images: what widths and seeds are compared by."""

from dataclasses import dataclass
from pathlib import Path

import keras

from cnnedge import pipeline
from cnnedge.convert.converter import Converter
from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import plan_of
from cnnedge.data import Dataset
from cnnedge.errors import DataError
from cnnedge.progress import Progress, silent
from cnnedge.training import checkpoint
from cnnedge.training.cost import epochs_and_seconds
from cnnedge.training.job import TrainingJob

INT8 = plan_of(("tflite",), ("int8",))


@dataclass(frozen=True, eq=False)
class Trial:
    """Top-1 as fractions of all test images, the int8 TFLite file's size, and the training's wall-clock seconds."""

    network: keras.Model
    float_top1: float
    int8_top1: float
    int8_bytes: int
    seconds: float


def train_and_convert(
    job: TrainingJob, data: Dataset, *, folder: Path, resume: bool = False, progress: Progress = silent
) -> Trial:
    """Do ``job`` in ``folder`` and convert the network to int8; arguments as in ``fit.train``.

    Killed in the conversion, ``resume`` repeats that and not the training.

    Raises:
        CnnedgeError: the training or the conversion failed.
    """
    network = pipeline.train_and_save(job, data, folder=folder, resume=resume, keep_checkpoint=True, progress=progress)
    source = folder / f"{job.network}.keras"
    converter = Converter(network, data, job.recipe, seed=job.seed, progress=progress)
    done = export(converter, INT8, source=source, name=job.network, folder=folder)
    for file, reason in done.failures.items():
        raise DataError(f"{file} of seed {job.seed} at width {job.width:g} failed: {reason}")
    checkpoint.discard(folder)
    int8 = done.entries[INT8.files(job.network)[0]]
    float_top1, int8_top1 = done.entries[source.name].top1, int8.top1
    if float_top1 is None or int8_top1 is None:
        raise DataError(f"seed {job.seed} at width {job.width:g} was not measured: expected test images")
    _, seconds = epochs_and_seconds(folder / checkpoint.HISTORY)
    return Trial(network, float_top1, int8_top1, int8.size_bytes, seconds)
