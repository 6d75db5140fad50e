"""The whole way of one model: train, export, measure, report. Each step is also a command of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark, data_facts
from cnnedge.convert.converter import Converter
from cnnedge.convert.describe import baseline_entry, versions
from cnnedge.convert.exporting import export
from cnnedge.convert.qat.learning import Learning
from cnnedge.convert.scheme import ExportPlan
from cnnedge.data import Dataset, evenly_spaced
from cnnedge.documents import Document, Learned
from cnnedge.lock import alone_in
from cnnedge.manifest import MANIFEST, update_manifest
from cnnedge.model.baseline import MODES, baseline_candidates
from cnnedge.model.keras_file import load_keras, save_keras
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress, silent
from cnnedge.report.pages import write_report
from cnnedge.scoring.score import score
from cnnedge.training import checkpoint
from cnnedge.training.cost import training_cost
from cnnedge.training.job import TrainingJob

if TYPE_CHECKING:
    import keras

BENCHMARK = "benchmark.json"
REPORT = "report.html"
# Training pictures that say whether a network over-fitted: of 1,000, 10 points are six standard deviations.
LEARNED_IMAGES = 1_000


def planned_files(model_name: str, folder: Path, plan: ExportPlan) -> list[Path]:
    """Every file that ``cnnedge run`` writes into ``folder``."""
    own = [f"{model_name}.keras", checkpoint.HISTORY, MANIFEST, BENCHMARK, REPORT]
    return [folder / file for file in (*own, *plan.files(model_name))]


def train_and_save(
    job: TrainingJob,
    data: Dataset,
    *,
    folder: Path,
    resume: bool = False,
    overwrite: bool = False,
    keep_checkpoint: bool = False,
    progress: Progress = silent,
) -> "keras.Model":
    """Train, write ``job.file`` and note in the manifest how it was trained; arguments as in ``train``.

    Args:
        keep_checkpoint: leave the checkpoint of the last epoch, so that what comes after the training can be repeated
            (``resume``) without it; the caller then discards it.
    """
    from cnnedge.training import fit

    job = job.on(data)
    with alone_in(folder, "training"):
        network = fit.train(job, data, folder=folder, resume=resume, overwrite=overwrite, progress=progress)
        if checkpoint.state(folder).trained is None:
            _save(network, job, data, folder, progress)
        if not keep_checkpoint:
            checkpoint.discard(folder)
    return network


def _save(network: "keras.Model", job: TrainingJob, data: Dataset, folder: Path, progress: Progress) -> None:
    import keras

    from cnnedge.training.teacher import teacher_facts

    images = job.recipe.batch_size * job.steps_per_epoch(data)
    cost = training_cost(folder / checkpoint.HISTORY, images, checkpoint.state(folder).parts)
    if job.teacher is not None:
        cost["teacher"] = teacher_facts(job.teacher, data, progress)
    record = job.record(backend=keras.backend.backend(), versions=versions(), cost=cost)
    target = folder / job.file
    save_keras(network, target, record)
    update_manifest(
        folder, target.stem, {target.name: baseline_entry(target.read_bytes(), data.labels)}, training=record
    )
    checkpoint.mark_trained(folder, target)


def train_and_export(
    job: TrainingJob,
    data: Dataset,
    plan: ExportPlan,
    *,
    folder: Path,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, str]:
    """Train and export every file of ``plan``; the reasons of those that could not be exported, by file name.

    Killed at any time, ``resume`` goes on: with the training, or, once that is done, with the exports and the
    quantization-aware training among them. The checkpoint
    stays, so that the same holds for what the caller does next; it then discards it.

    Raises:
        FileExistsRefusal: there is an unfinished training in ``folder``, and neither ``resume`` nor ``overwrite``.
        CnnedgeError: training failed.
    """
    network = train_and_save(
        job, data, folder=folder, resume=resume, overwrite=overwrite, keep_checkpoint=True, progress=progress
    )
    learning = Learning(checkpoints=folder)
    converter = Converter(network, data, job.recipe, seed=job.seed, learning=learning, progress=progress)
    return export(converter, plan, source=folder / job.file, name=job.network, folder=folder).failures


def measure(
    model_name: str, folder: Path, data: Dataset, *, files: Sequence[Path] | None = None, num_runs: int | None = None,
    progress: Progress = silent,
) -> Document:  # fmt: skip
    """Benchmark everything in ``folder`` against the Keras baseline there, or ``files`` against the fastest way to call
    it; write ``benchmark.json`` and ``report.html``."""
    keras_file = folder / f"{model_name}.keras"
    modes = MODES if files is None else MODES[-1:]
    candidates = baseline_candidates(keras_file, modes=modes) + candidates_for(files or [folder])
    plan = Plan() if num_runs is None else Plan(num_runs=num_runs)
    facts = data_facts(data, data.test)
    document = benchmark(
        candidates, data.test, facts, plan, baseline=keras_file.name, paths=[folder], progress=progress
    )
    document = replace(document, learned=_learned(keras_file, data, progress))
    if document.has_figures:
        document.write(folder / BENCHMARK)
        write_report(folder / REPORT, document, images=data.test, history=folder / checkpoint.HISTORY)
    return document


def _learned(keras_file: Path, data: Dataset, progress: Progress) -> Learned:
    few = evenly_spaced(data.train, LEARNED_IMAGES)
    found = score(KerasPredictor(load_keras(keras_file)), few, stage="evaluate training pictures", progress=progress)
    return Learned(found.images, found.right)
