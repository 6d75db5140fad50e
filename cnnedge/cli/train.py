"""``cnnedge train``: train one network and save it as the float Keras baseline."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge import console
from cnnedge.cli.located import checked_name, data_words, say_notes
from cnnedge.cli.options import (
    BatchSize,
    Branches,
    Data,
    Epochs,
    Half,
    Init,
    InputSize,
    Machines,
    MaxBad,
    Mean,
    Muon,
    Name,
    Out,
    Overwrite,
    Preprocessing,
    Preset,
    Resume,
    Scale,
    Seed,
    Stack,
    Std,
    Task,
    Teacher,
    Test,
    Trivial,
    Width,
)
from cnnedge.errors import UsageError

if TYPE_CHECKING:
    import keras

    from cnnedge.data import Dataset, FolderOptions
    from cnnedge.model.preprocessing import Preprocessing as Outside
    from cnnedge.progress import Progress
    from cnnedge.training.job import TrainingJob
    from cnnedge.training.workers import Workers


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
    width: Width = 1.0,
    stack: Stack = None,
    init: Init = None,
    branches: Branches = None,
    half: Half = False,
    muon: Muon = None,
    trivial: Trivial = False,
    teacher: Teacher = None,
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="Share every batch among N devices (KERAS_BACKEND=jax).")
    ] = 1,
    workers: Machines = None,
    task: Task = None,
    scale: Scale = None,
    mean: Mean = None,
    std: Std = None,
    preprocessing: Preprocessing = None,
    input_size: InputSize = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    list_models: Annotated[bool, typer.Option("--list", help="List the networks and end.")] = False,
) -> None:
    """Train a network and save it as OUT/MODEL/MODEL.keras, or by --name.

    The model takes raw pixels 0..255 and gives one probability per class.
    Beside it, history.csv has a row for each epoch.
    Every epoch ends with a checkpoint: if the training is killed, the same
    command with --resume goes on; --epochs and --half may be others then.

    The accuracy shown is that on validation images held out of the training
    split; the test split is not touched.
    KERAS_BACKEND chooses where it runs: tensorflow (default), jax or torch.
    --devices N gives the result of one device, for batches, their order and
    what a batch norm averages over stay the same; a CPU shows several with
    XLA_FLAGS=--xla_force_host_platform_device_count=N.

    --workers, with one command and the same data on every machine, does too.
    If one dies, all go on from the checkpoint of the first, who writes the files.

    Without MODEL, --init names any Keras image classifier, whatever its size:
    it gets a head for the classes of --data, which is trained alone first,
    and then all of it in small steps. What an app does to pixels before it
    (--scale 255, --preprocessing tf) is put inside.

    Examples:

      cnnedge train mnist

      cnnedge train cifar10 --preset full --out runs/first

      cnnedge train cifar10 --stack 16-16-P-32-32-P-64 --out runs/smaller

      cnnedge train cifar10 --data photos/ --init cifar10.keras --out runs/photos

      cnnedge train --init my_mobilenet.h5 --preprocessing tf --data photos/
    """
    if list_models:
        return _print_models()
    from cnnedge import data as datasets
    from cnnedge.model.networks import model_spec
    from cnnedge.model.preprocessing import declared
    from cnnedge.training.job import SavedNetwork, TrainingJob
    from cnnedge.training.recipes import recipe
    from cnnedge.training.workers import asked_workers, scratch, supervise

    wise, start = (None if file is None else SavedNetwork.of(file) for file in (teacher, init))
    outside = declared(scale=scale, mean=mean, std=std, named=preprocessing)
    options = datasets.FolderOptions(test=test, max_bad=max_bad / 100)
    if model is None:
        if init is None or start is None:
            raise UsageError("no MODEL given: name one, see cnnedge train --list; or any Keras model with --init FILE")
        _refuse_for_own({"--width": width != 1, "--stack": stack, "--branches": branches, "--half": half,
                         "--muon": muon, "--trivial": trivial, "--preset": preset != "quick",
                         "--devices": devices != 1, "--workers": workers})  # fmt: skip
        if data is None:
            raise UsageError(f"--init {init} alone is trained on pictures of yours: add --data NAME|DIR")
        place = _Place(checked_name(name or init.stem), out, data, options, resume, overwrite)
        place.check(batch=batch_size)
        network, dataset = place.train_own(
            start.path, outside, input_size, epochs=epochs, batch_size=batch_size, seed=seed, teacher=wise
        )
    else:
        spec = model_spec(model)
        if outside or input_size:
            raise UsageError(f"size and treatment of pixels are {model}'s own: leave MODEL out, or these options")
        chosen = recipe(model, preset, epochs=epochs, batch_size=batch_size, branches=branches, half=half or None,
                        muon_rate=muon, trivial=trivial)  # fmt: skip
        called = checked_name(name or model)
        job = TrainingJob(model, chosen, seed, width, init=start, teacher=wise, name=called, stack=stack)
        team = asked_workers(workers, task)
        folder = scratch()
        if team is not None and folder is None:
            raise typer.Exit(supervise(sys.argv[1:]))
        own_out = out if team is None or team.is_first or folder is None else folder
        place = _Place(job.name, own_out, data or spec.dataset, options, resume, overwrite)
        place.check(spec.input_shape, chosen.batch_size)
        network, dataset = place.train(job, devices, team)
        if team is not None and not team.is_first:
            console.show(f"done: the first worker, {team.addresses[0]}, has the files")
            return
    from cnnedge.model.predictor import KerasPredictor
    from cnnedge.scoring.score import score

    accuracy = score(KerasPredictor(network), dataset.validation).top1
    what = "validation images of the BUNDLED SAMPLE" if dataset.is_sample else "validation images"
    console.show(f"{place.target}: {accuracy:.2%} right on {len(dataset.validation):,} {what}; see {place.history}")
    console.next_step("cnnedge", "export", place.target, *data_words(data, test), "--out", out)


def _refuse_for_own(given: dict[str, object]) -> None:
    """Refuse what a network from a file has already, or what is for the list alone."""
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{option} is for a network of cnnedge train --list: leave it out, or name MODEL")


@dataclass(frozen=True)
class _Place:
    """Where the files go and which pictures are learned from: the same for a network of the list and for one's own."""

    name: str
    out: Path
    source: str
    options: "FolderOptions"
    resume: bool
    overwrite: bool

    @property
    def folder(self) -> Path:
        return self.out / self.name

    @property
    def target(self) -> Path:
        return self.folder / f"{self.name}.keras"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    def check(self, shape: tuple[int, int, int] | None = None, batch: int | None = None) -> None:
        """Before anything is loaded: may the files be written, and is there such data? Then load Keras."""
        from cnnedge.data import check_source
        from cnnedge.model.backend import require_keras
        from cnnedge.training.checkpoint import check_start

        files = [self.target] if self.resume else [self.target, self.history]
        check_start(self.folder, files, resume=self.resume, overwrite=self.overwrite)
        check_source(self.source, shape, self.options, batch)
        require_keras(console.say)

    def train(self, job: "TrainingJob", devices: int, team: "Workers | None") -> "tuple[keras.Model, Dataset]":
        from cnnedge import pipeline
        from cnnedge.model.keras_file import load_keras
        from cnnedge.training.placement import data_parallel
        from cnnedge.training.start import check_saved
        from cnnedge.training.workers import joined

        shares = (devices, job.recipe.batch_size, len(team.addresses) if team else 1)
        with joined(team, console.say), data_parallel(*shares), console.progress() as progress:
            check_saved(job)
            dataset = self._load(job.spec.input_shape, job.recipe.calibration_images, progress)
            network = pipeline.train_and_save(
                job, dataset, folder=self.folder, resume=self.resume, overwrite=self.overwrite, progress=progress
            )
        # The weights of a network that machines train together lie on all of them.
        return network if team is None else load_keras(self.target), dataset

    def train_own(
        self, own: Path, outside: "Outside | None", input_size: int | None, **settings: Any
    ) -> "tuple[keras.Model, Dataset]":
        """``settings``: those of ``Wish`` besides the name."""
        from cnnedge.model.source import read_source
        from cnnedge.photos.own_network import Wish, take_up
        from cnnedge.photos.recipe_for import MOST_CALIBRATION

        read = read_source(own, preprocessing=outside, input_size=input_size)
        say_notes(own.name, read.notes)
        with console.progress() as progress:
            dataset = self._load(read.model.input_shape[1:], MOST_CALIBRATION, progress)
            network = take_up(
                read, Wish(self.name, **settings), dataset, self.folder, resume=self.resume, overwrite=self.overwrite,
                progress=progress,
            )  # fmt: skip
        return network, dataset

    def _load(self, shape: tuple[int, int, int], calibration: int, progress: "Progress") -> "Dataset":
        from cnnedge.data import load

        return load(self.source, image_shape=shape, calibration=calibration, folder=self.options, progress=progress)


def _print_models() -> None:
    from cnnedge.model.networks import MODELS
    from cnnedge.training.recipes import PRESETS, RECIPES

    for spec in MODELS.values():
        epochs = ", ".join(f"{preset} {RECIPES[spec.name, preset].epochs} epochs" for preset in PRESETS)
        console.show(f"{spec.name:<14} {spec.summary} ({epochs})")
