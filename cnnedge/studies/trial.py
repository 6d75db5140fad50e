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
from cnnedge.progress import Progress
from cnnedge.training import checkpoint
from cnnedge.training.cost import epochs_and_seconds
from cnnedge.training.recipes import Recipe

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
    model_name: str,
    data: Dataset,
    recipe: Recipe,
    *,
    folder: Path,
    seed: int,
    width: float = 1.0,
    resume: bool = False,
    teacher: Path | None = None,
    progress: Progress,
) -> Trial:
    """Train ``model_name`` in ``folder`` and convert it to int8; arguments as in ``training.train``.

    Killed in the conversion, ``resume`` repeats that and not the training.

    Raises:
        CnnedgeError: the training or the conversion failed.
    """
    network = pipeline.train_and_save(
        model_name, data, recipe, folder=folder, seed=seed, width=width, resume=resume, teacher=teacher,
        keep_checkpoint=True, progress=progress,
    )  # fmt: skip
    source = folder / f"{model_name}.keras"
    converter = Converter(network, data, recipe, seed=seed, progress=progress)
    done = export(converter, INT8, source=source, name=model_name, folder=folder)
    for file, reason in done.failures.items():
        raise DataError(f"{file} of seed {seed} at width {width:g} failed: {reason}")
    checkpoint.discard(folder)
    int8 = done.entries[INT8.files(model_name)[0]]
    float_top1, int8_top1 = done.entries[source.name].top1, int8.top1
    if float_top1 is None or int8_top1 is None:
        raise DataError(f"seed {seed} at width {width:g} was not measured: expected test images")
    _, seconds = epochs_and_seconds(folder / checkpoint.HISTORY)
    return Trial(network, float_top1, int8_top1, int8.size_bytes, seconds)
