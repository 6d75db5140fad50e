"""``cnnedge run``: everything for one network, from training to the report."""

from pathlib import Path
from typing import Annotated

import typer

from cnnedge import console
from cnnedge.cli.chosen import chosen_recipe, load_data
from cnnedge.documents import fail_if_any
from cnnedge.files import refuse_existing


def run(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Which network; cnnedge train --list shows them.")],
    preset: Annotated[str, typer.Option(help="quick: minutes on two cores; full: hours.")] = "quick",
    data: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="A dataset, or a folder <class>/*.png; else the model's own."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The files go into OUT/MODEL.")] = Path("exported"),
    epochs: Annotated[int | None, typer.Option(help="Instead of the preset's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Instead of the preset's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes training and quantization.")] = 0,
    qat: Annotated[bool, typer.Option("--qat/--no-qat", help="Also train quantization-aware int8 files.")] = True,
    num_runs: Annotated[int | None, typer.Option(help="Timed calls per file; fewer is quicker.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was cut short.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Train, quantize, export, verify, benchmark and report: one network, one command.

    Leaves the float Keras model, every TFLite and ONNX file, manifest.json, benchmark.json and report.html in
    OUT/MODEL, and prints the table.

    Examples:

      cnnedge run mnist

      cnnedge run cifar10 --preset full --out runs/first
    """
    recipe = chosen_recipe(model, preset, epochs, batch_size)
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.networks import model_spec

    spec = model_spec(model)
    require_tensorflow()
    from cnnedge import pipeline
    from cnnedge.convert.converter import ExportPlan
    from cnnedge.training import checkpoint

    plan, folder = ExportPlan(qat=qat), out / model
    if not (resume or overwrite):
        checkpoint.refuse_unfinished(folder)
    if not (resume and checkpoint.is_unfinished(folder)):
        refuse_existing(pipeline.planned_files(model, folder, plan), overwrite=overwrite)
    with console.progress() as progress:
        dataset = load_data(
            data or spec.dataset,
            image_shape=spec.input_shape,
            calibration=recipe.calibration_images,
            progress=progress,
        )
        result = pipeline.run(
            model, dataset, recipe, plan, folder=folder, seed=seed, resume=resume, overwrite=overwrite,
            num_runs=num_runs, progress=progress,
        )  # fmt: skip
    from cnnedge.report.table import print_table

    print_table(result.document)
    print(f"report: {folder / pipeline.REPORT}")
    fail_if_any(result.failures, result.document)
