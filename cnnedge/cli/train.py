"""``cnnedge train``: train one network and save it as the float Keras baseline."""

from pathlib import Path
from typing import Annotated

import typer

from cnnedge import console
from cnnedge.cli.located import checked_name
from cnnedge.cli.options import BatchSize, Data, Epochs, MaxBad, Name, Out, Overwrite, Preset, Resume, Seed, Test
from cnnedge.errors import UsageError


def train(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Which network; --list shows them.")] = None,
    preset: Preset = "quick",
    data: Data = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    name: Name = None,
    out: Out = Path("exported"),
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    width: Annotated[float, typer.Option(metavar="FACTOR", help="Scales every layer: 0.5 halves its channels.")] = 1.0,
    init: Annotated[
        Path | None,
        typer.Option(metavar="FILE.keras", help="Start from this model; new classes get a new head."),
    ] = None,
    branches: Annotated[
        str | None,
        typer.Option(metavar="none|asymmetric|pointwise", help="Trained beside each convolution, then fused into it."),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(metavar="FILE.keras", help="Learn from this model too (distillation).")
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="Share every batch among N devices (KERAS_BACKEND=jax).")
    ] = 1,
    resume: Resume = False,
    overwrite: Overwrite = False,
    list_models: Annotated[bool, typer.Option("--list", help="List the networks and end.")] = False,
) -> None:
    """Train a network and save it as OUT/MODEL/MODEL.keras, or by --name.

    The model takes raw pixels 0..255 and gives one probability per class.
    Beside it, history.csv has a row for each epoch.

    Every epoch ends with a checkpoint: if the training is killed,
    the same command with --resume goes on from there.

    The accuracy shown is that on validation images held out of the training
    split; the test split is not touched.
    KERAS_BACKEND chooses where it runs: tensorflow (default), jax or torch.
    --devices N gives the result of one device, for batches, their order and
    what a batch norm averages over stay the same; a CPU shows several with
    XLA_FLAGS=--xla_force_host_platform_device_count=N.

    Examples:

      cnnedge train mnist

      cnnedge train cifar10 --preset full --out runs/first

      cnnedge train cifar10 --width 0.5 --out runs/half

      cnnedge train cifar10 --data photos/ --init cifar10.keras --out runs/photos
    """
    if list_models:
        _print_models()
        return
    if model is None:
        raise UsageError("no MODEL given: name one, or see cnnedge train --list")
    from cnnedge.model.networks import model_spec
    from cnnedge.training import checkpoint
    from cnnedge.training.job import SavedNetwork, TrainingJob
    from cnnedge.training.recipes import recipe

    spec = model_spec(model)
    start, wise = (None if path is None else SavedNetwork.of(path) for path in (init, teacher))
    chosen = recipe(model, preset, epochs=epochs, batch_size=batch_size, branches=branches)
    called = checked_name(name) if name else model
    job = TrainingJob(model, chosen, seed, width, init=start, teacher=wise, name=called)
    folder = out / called
    target = folder / job.file
    history = folder / checkpoint.HISTORY
    files = [target] if resume else [target, history]
    checkpoint.check_start(folder, files, resume=resume, overwrite=overwrite)
    from cnnedge import data as datasets

    source = data or spec.dataset
    options = datasets.FolderOptions(test=test, max_bad=max_bad / 100)
    datasets.check_source(source, spec.input_shape, options)
    from cnnedge.model.backend import require_keras

    require_keras(console.say)
    from cnnedge import pipeline
    from cnnedge.model.predictor import KerasPredictor
    from cnnedge.scoring.score import score
    from cnnedge.training.placement import data_parallel
    from cnnedge.training.start import check_saved

    check_saved(job)

    with data_parallel(devices, job.recipe.batch_size), console.progress() as progress:
        dataset = datasets.load(
            source,
            image_shape=spec.input_shape,
            calibration=job.recipe.calibration_images,
            folder=options,
            progress=progress,
        )
        network = pipeline.train_and_save(
            job, dataset, folder=folder, resume=resume, overwrite=overwrite, progress=progress
        )
    accuracy = score(KerasPredictor(network), dataset.validation).top1
    what = "validation images of the BUNDLED SAMPLE" if dataset.is_sample else "validation images"
    console.show(f"{target}: {accuracy:.2%} right on {len(dataset.validation):,} {what}; see {history}")
    console.next_step("cnnedge", "export", target, *(["--data", data] if data else []), "--out", out)


def _print_models() -> None:
    from cnnedge.model.networks import MODELS
    from cnnedge.training.recipes import PRESETS, RECIPES

    for spec in MODELS.values():
        epochs = ", ".join(f"{preset} {RECIPES[spec.name, preset].epochs} epochs" for preset in PRESETS)
        console.show(f"{spec.name:<14} {spec.summary} ({epochs})")
