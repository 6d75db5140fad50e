"""``cnnedge run``: everything for one network, from training to the report."""

from pathlib import Path
from typing import Annotated

import typer

from cnnedge import console
from cnnedge.cli.located import picture_of
from cnnedge.cli.options import (
    BatchSize,
    Data,
    Epochs,
    MaxBad,
    Model,
    NumRuns,
    Out,
    Overwrite,
    Preset,
    Resume,
    Seed,
    Test,
)


def run(
    model: Model,
    preset: Preset = "quick",
    data: Data = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    out: Out = Path("exported"),
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    qat: Annotated[bool, typer.Option("--qat/--no-qat", help="Also train quantization-aware int8 files.")] = True,
    num_runs: NumRuns = 200,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Train, quantize, export, verify, benchmark and report: one network, one command.

    Leaves the float Keras model, every TFLite and ONNX file, manifest.json, benchmark.json and report.html in
    OUT/MODEL, and prints the table.

    Examples:

      cnnedge run mnist

      cnnedge run cifar10 --preset full --out runs/first
    """
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.networks import model_spec
    from cnnedge.training.job import TrainingJob
    from cnnedge.training.recipes import recipe

    spec = model_spec(model)
    job = TrainingJob(model, recipe(model, preset, epochs=epochs, batch_size=batch_size), seed)
    from cnnedge import data as datasets
    from cnnedge import pipeline
    from cnnedge.convert.scheme import plan_of
    from cnnedge.lock import alone_in
    from cnnedge.training import checkpoint

    plan, folder, source = plan_of(qat=qat), out / model, data or spec.dataset
    checkpoint.check_start(folder, pipeline.planned_files(model, folder, plan), resume=resume, overwrite=overwrite)
    options = datasets.FolderOptions(test=test, max_bad=max_bad / 100)
    datasets.check_source(source, spec.input_shape, options, job.recipe.batch_size)
    require_tensorflow(console.say)

    with console.progress() as progress:
        dataset = datasets.load(
            source,
            image_shape=spec.input_shape,
            calibration=job.recipe.calibration_images,
            folder=options,
            progress=progress,
        )
        with alone_in(folder, "training"):
            failures = pipeline.train_and_export(
                job, dataset, plan, folder=folder, resume=resume, overwrite=overwrite, progress=progress
            )
            document = pipeline.measure(model, folder, dataset, num_runs=num_runs, progress=progress)
            checkpoint.discard(folder)
    from cnnedge.documents import fail_if_any
    from cnnedge.names import ExportName
    from cnnedge.report.table import print_table

    print_table(document)
    console.show(f"report: {folder / pipeline.REPORT}")
    fail_if_any(failures, document)
    file = ExportName(model, "int8", "tflite", qat).filename
    console.next_step("cnnedge", "predict", folder / file, picture_of(dataset.test))
