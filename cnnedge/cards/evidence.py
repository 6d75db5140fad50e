"""What a model card is made from: the documents in a model's folder, each checked against the files beside it."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.documents import Document, Row, read_document
from cnnedge.errors import DataError
from cnnedge.files import read_regular, sha256_of
from cnnedge.manifest import FOLDER, MANIFEST, Manifest, TrainingRecord, read_manifest
from cnnedge.model.keras_file import load_keras
from cnnedge.model.networks import MODELS
from cnnedge.names import ExportName
from cnnedge.records import from_json
from cnnedge.scoring.robustness import Robustness, measured_on, read_robustness
from cnnedge.studies.widths import load_widths

if TYPE_CHECKING:
    import keras

CARD = "README.md"
ROBUSTNESS = "robustness.json"
SEEDS = "seeds.json"
WIDTHS = "width.json"
# A hundred seeds are 10 kB.
MAX_SEEDS_BYTES = 1_000_000
# Fractions of 10,000 images have four digits; what differs by less is the same.
SAME_TOP1 = 5e-5
# Of a network with a layer that integers cannot calculate there is no other int8 file.
INT8 = ("int8", "int8_mixed")


@dataclass(frozen=True)
class Seed:
    """What a training with this seed ended with, as fractions right of the test images."""

    seed: int
    float_top1: float
    int8_top1: float


@dataclass(frozen=True)
class Seeds:
    """``seeds.json``; the shipped model comes first."""

    seeds: tuple[Seed, ...]


@dataclass(frozen=True, eq=False)
class CardFacts:
    """The documents of one model; None for what was not measured. ``history`` is there if the folder has one."""

    folder: Path
    name: str
    network: "keras.Model"
    manifest: Manifest
    benchmark: Document
    history: Path | None
    robustness: Robustness | None
    seeds: tuple[Seed, ...] | None
    widths: dict[str, Any] | None

    @property
    def training(self) -> TrainingRecord | None:
        """How it was trained; None for a model that was brought in from elsewhere."""
        return self.manifest.training

    @property
    def is_ours(self) -> bool:
        """Whether it is a network that can be trained here again, at any width."""
        return self.training is not None and self.training.network in MODELS

    @property
    def rows(self) -> list[Row]:
        """The benchmark's rows, the Keras model once, in its fastest way of calling."""
        rows = [row for row in self.benchmark.rows if row.browser is None]
        keras = [row for row in rows if row.format == "keras"]
        fastest = min(keras, key=lambda row: float("inf") if row.p50_ms is None else row.p50_ms, default=None)
        return [row for row in rows if row.format != "keras" or row is fastest]

    @property
    def baseline(self) -> Row:
        return next(row for row in self.rows if row.format == "keras")

    @property
    def int8_rows(self) -> list[Row]:
        """The int8 TFLite files, or those with layers in float, the quantization-aware one last."""
        return [row for row in self.rows if row.format == "tflite" and row.precision in INT8]


def load_facts(folder: Path) -> CardFacts:
    """Read everything that the card of the model in ``folder`` tells.

    Raises:
        DataError: a document is missing or broken, or was made for other files than those in the folder.
        ModelError: the ``.keras`` file cannot be read.
    """
    manifest = load_manifest(folder)
    name = manifest.model
    benchmark = load_benchmark(folder)
    history = folder / "history.csv"
    return CardFacts(
        folder=folder,
        name=name,
        network=load_keras(folder / f"{name}.keras"),
        manifest=manifest,
        benchmark=benchmark,
        history=history if history.is_file() else None,
        robustness=_robustness(folder, name),
        seeds=_seeds(folder, manifest),
        widths=load_widths(folder / WIDTHS) if (folder / WIDTHS).is_file() else None,
    )


def robustness_files(folder: Path, name: str) -> list[Path]:
    """The float TFLite file of the model and its int8 ones: what robustness is measured with.

    Raises:
        DataError: the folder has no float one, or no int8 one.
    """
    integers = [ExportName(name, precision, "tflite", qat) for qat in (False, True) for precision in INT8]
    names = [ExportName(name, "float32", "tflite"), *integers]
    found = [folder / target.filename for target in names if (folder / target.filename).is_file()]
    if len(found) < 2 or found[0].name != names[0].filename:
        lacking = names[1 if (folder / names[0].filename).is_file() else 0]
        raise DataError(f"{folder} lacks {lacking.filename}: run {_exporting(folder, lacking)} first")
    return found


def _exporting(folder: Path, lacking: ExportName) -> str:
    """The command that puts the file into ``folder``; pictures of one's own are not found by their name."""
    manifest = read_manifest(folder)
    own = manifest is not None and manifest.data is not None and manifest.data.source == FOLDER
    keras, place = shlex.quote(f"{folder / lacking.model}.keras"), shlex.quote(str(folder.parent))
    asked = f"--format tflite --precision {lacking.precision} --out {place}"
    return f"cnnedge export {keras} {asked}" + (" --data DIR" if own else "")


def load_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder``.

    Raises:
        DataError: there is none, or it is damaged.
    """
    found = read_manifest(folder)
    if found is None:
        raise DataError(f"{folder / MANIFEST} does not exist: expected a folder that cnnedge run or export filled")
    return found


def load_benchmark(folder: Path) -> Document:
    """The ``benchmark.json`` of the folder's files as they are now, complete.

    Raises:
        DataError: there is none, it measured other files, or it lacks figures.
    """
    path = folder / "benchmark.json"
    if not path.is_file():
        raise DataError(f"{path} does not exist: run cnnedge benchmark {folder} first")
    document = read_document(path)
    for row in document.rows:
        file = folder / row.file
        if not file.is_file() or sha256_of(file.read_bytes()) != row.sha256:
            raise DataError(f"{path} measured another {row.file}: run cnnedge benchmark {folder} --overwrite")
        if row.error and row.browser is None:
            raise DataError(f"{path} has no figures for {row.file} ({row.error}): benchmark it again")
    if not any(row.format == "keras" for row in document.rows):
        raise DataError(f"{path} has no row of the float Keras model: run cnnedge benchmark {folder} --overwrite")
    return document


def _robustness(folder: Path, name: str) -> Robustness | None:
    path = folder / ROBUSTNESS
    if not path.is_file():
        return None
    document = read_robustness(path)
    if not measured_on(document.rows, robustness_files(folder, name)):
        raise DataError(f"{path} measured other files: run cnnedge card {folder} --overwrite")
    return document


def _seeds(folder: Path, manifest: Manifest) -> tuple[Seed, ...] | None:
    """Top-1 by seed; the shipped files must be those of the first."""
    path = folder / SEEDS
    if not path.is_file():
        return None
    try:
        seeds = from_json(Seeds, json.loads(read_regular(path, MAX_SEEDS_BYTES))).seeds
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}): run scripts/seeds.py again") from None
    if len(seeds) < 2:
        raise DataError(f"{path} is not a list of two or more seeds: run scripts/seeds.py again")
    shipped = manifest.files[manifest.baseline].top1
    if shipped is None or abs(seeds[0].float_top1 - shipped) > SAME_TOP1:
        raise DataError(f"{path} begins with float_top1 {seeds[0].float_top1}, the shipped model has {shipped}")
    return seeds
