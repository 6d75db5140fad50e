"""The whole way of one model: train, export, measure, report. Each step is also a command of its own."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.session import benchmark
from cnnedge.convert.converter import Converter
from cnnedge.convert.describe import baseline_entry, versions
from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import ExportPlan
from cnnedge.data import Dataset
from cnnedge.documents import write_json
from cnnedge.files import sha256_of
from cnnedge.manifest import MANIFEST, FileFacts, TrainedOn, TrainingRecord, update_manifest
from cnnedge.model.baseline import baseline_candidates
from cnnedge.model.keras_file import save_keras
from cnnedge.progress import Progress, silent
from cnnedge.report.pages import write_report
from cnnedge.training import checkpoint, fit
from cnnedge.training.cost import training_cost
from cnnedge.training.recipes import Recipe

BENCHMARK = "benchmark.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Result:
    """What ``run`` leaves beside its files: the benchmark's document, and why files could not be exported."""

    document: dict[str, Any]
    failures: dict[str, str]


def planned_files(model_name: str, folder: Path, plan: ExportPlan) -> list[Path]:
    """Every file that ``run`` writes into ``folder``."""
    own = [f"{model_name}.keras", checkpoint.HISTORY, MANIFEST, BENCHMARK, REPORT]
    return [folder / file for file in (*own, *plan.files(model_name))]


def train_and_save(
    model_name: str,
    data: Dataset,
    recipe: Recipe,
    *,
    folder: Path,
    seed: int = 0,
    width: float = 1.0,
    init: Path | None = None,
    teacher: Path | None = None,
    keep_checkpoint: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> keras.Model:
    """Train, write ``<model>.keras`` and note in the manifest how it was trained; other arguments as in ``train``.

    Args:
        keep_checkpoint: leave the checkpoint of the last epoch, so that what comes after the training can be repeated
            (``resume``) without it; the caller then discards it.
    """
    network = fit.train(
        model_name, data, recipe, folder=folder, seed=seed, width=width, init=init, teacher=teacher,
        progress=progress, **options,
    )  # fmt: skip
    images = recipe.batch_size * fit.steps_per_epoch(model_name, data, recipe)
    record = TrainingRecord(
        network=model_name, recipe=dataclasses.asdict(recipe), seed=seed, width=width, backend=keras.backend.backend(),
        init=_file_facts(init), teacher=_file_facts(teacher), data=trained_on(data), versions=versions(),
        cost=training_cost(folder / checkpoint.HISTORY, images),
    )  # fmt: skip
    target = folder / f"{model_name}.keras"
    save_keras(network, target, record)
    entry = baseline_entry(target.read_bytes(), data.labels)
    update_manifest(folder, model_name, {target.name: entry}, training=record)
    if not keep_checkpoint:
        checkpoint.discard(folder)
    return network


def trained_on(data: Dataset) -> TrainedOn:
    """What a training's record says of its data."""
    return TrainedOn(data.name, data.is_sample, data.train.sha256, data.source)


def _file_facts(path: Path | None) -> FileFacts | None:
    return None if path is None else FileFacts(path.name, sha256_of(path.read_bytes()))


def run(
    model_name: str,
    data: Dataset,
    recipe: Recipe,
    plan: ExportPlan,
    *,
    folder: Path,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    num_runs: int | None = None,
    progress: Progress = silent,
) -> Result:
    """Train ``model_name``, export every file of ``plan``, measure all of them on all test images, and report.

    A file that cannot be exported or measured does not stop the others; it is named in the result. Killed at any time,
    ``resume`` goes on: with the training, or, once that is done, with the exports.

    Raises:
        FileExistsRefusal: there is an unfinished training in ``folder``, and neither ``resume`` nor ``overwrite``.
        CnnedgeError: training failed.
    """
    network = train_and_save(
        model_name,
        data,
        recipe,
        folder=folder,
        seed=seed,
        resume=resume,
        overwrite=overwrite,
        keep_checkpoint=True,
        progress=progress,
    )
    converter = Converter(network, data, recipe, seed=seed, progress=progress)
    done = export(converter, plan, source=folder / f"{model_name}.keras", name=model_name, folder=folder)
    document = measure(model_name, folder, data, num_runs=num_runs, progress=progress)
    checkpoint.discard(folder)
    return Result(document, done.failures)


def measure(
    model_name: str, folder: Path, data: Dataset, *, num_runs: int | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Benchmark everything in ``folder`` against its Keras baseline; write ``benchmark.json`` and ``report.html``."""
    keras_file = folder / f"{model_name}.keras"
    candidates = baseline_candidates(keras_file) + candidates_for([folder])
    options: dict[str, Any] = {} if num_runs is None else {"num_runs": num_runs}
    document = benchmark(
        candidates, data.test, data.labels, data_name=data.name, baseline=keras_file.name,
        is_sample=data.is_sample, data_source=data.source, progress=progress, **options,
    )  # fmt: skip
    write_json(folder / BENCHMARK, document)
    write_report(folder / REPORT, document, images=data.test, history=folder / checkpoint.HISTORY)
    return document
