"""``manifest.json``, what a model's folder says of every file in it and of the training, and the training's record.

A ``.keras`` file that was trained here carries the record itself, as the member ``cnnedge.json`` of its archive, which
Keras does not read: a copy in another folder, or under another name, still knows its network, its data and its recipe.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnedge.errors import DataError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.names import place_in_tables
from cnnedge.records import from_json, to_json

MANIFEST = "manifest.json"
RECORD_MEMBER = "cnnedge.json"
SCHEMA = 1
# Twenty files with a thousand labels each are 0.5 MB; a record is 2 kB. What is larger is not one of ours.
MAX_BYTES = 20_000_000
# ``DataFacts.source`` and ``TrainedOn.source`` of a person's own pictures.
FOLDER = "folder"


@dataclass(frozen=True)
class FileFacts:
    """A file that a training began with: its name, without a folder, and the SHA-256 of its content."""

    file: str
    sha256: str


@dataclass(frozen=True)
class TrainedOn:
    """The data of a training; ``source`` as in ``Dataset.source``.

    ``source``, ``validation_sha256`` and ``labels``, in the order of the outputs, are empty in manifests from before
    they were kept.
    """

    name: str
    is_sample: bool
    train_sha256: str
    source: str = ""
    validation_sha256: str = ""
    labels: tuple[str, ...] = ()

    @property
    def published(self) -> bool:
        """Whether ``name`` is that of a published dataset, and not of someone's folder."""
        return self.source != FOLDER


@dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained here.

    ``network`` is its name in ``cnnedge train --list``, or "photos", whose images are ``size`` pixels high and wide, or
    "own", one that ``init`` brought, whose images are of ``shape`` (height, width, channels);
    ``stack`` are its layers where they are others, see ``model.networks.stacked``;
    ``recipe`` is ``training.recipes.Recipe`` as JSON; ``cost`` is what ``training.cost`` measured.
    """

    recipe: dict[str, Any]
    seed: int
    backend: str
    init: FileFacts | None
    teacher: FileFacts | None
    data: TrainedOn
    versions: dict[str, str]
    width: float = 1.0
    network: str = ""
    cost: dict[str, Any] | None = None
    size: int | None = None
    shape: tuple[int, ...] | None = None
    stack: str | None = None


@dataclass(frozen=True)
class SplitFacts:
    """How many images, and the SHA-256 over their pixels and labels."""

    images: int
    sha256: str


@dataclass(frozen=True)
class DataFacts:
    """The data of an export; ``seed`` chose the held-out images, ``source`` is FOLDER for a person's own."""

    name: str
    source: str
    is_sample: bool
    seed: int
    licence: str
    calibration: SplitFacts
    test: SplitFacts


@dataclass(frozen=True)
class FileEntry:
    """One file: what it is, how it was made and how right it was.

    ``top1`` is the fraction right on ``test_images`` test images, None where it was not measured. The fields from
    ``input_contract`` on are those of exported files; ``calibration`` is the audit of the calibration images, ``loss``
    what ``convert.losses.Loss`` says, where there is one, ``qat_outcome`` whether quantization-aware training was kept,
    ``float_operators`` what an integer file leaves in float.
    """

    sha256: str
    size_bytes: int
    format: str
    precision: str
    qat: bool
    labels: tuple[str, ...]
    top1: float | None
    test_images: int
    method: str
    versions: dict[str, str]
    input_contract: dict[str, Any] | None = None
    output_dtype: str | None = None
    source_sha256: str | None = None
    seed: int | None = None
    data: DataFacts | None = None
    calibration: dict[str, Any] | None = None
    loss: dict[str, Any] | None = None
    qat_outcome: dict[str, Any] | None = None
    float_operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """The files by name, the model's name, its training if it was trained here, and the data of the last export."""

    model: str
    training: TrainingRecord | None = None
    files: dict[str, FileEntry] = field(default_factory=dict)
    data: DataFacts | None = None

    @property
    def baseline(self) -> str:
        """The name of the float Keras model's file."""
        return f"{self.model}.keras"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of ``folder``; None if there is none.

    Raises:
        DataError: it cannot be read, or is none of ours.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        return _parsed(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged ({error}): restore it from a copy, or move it away and export again"
        ) from None


def _parsed(document: Any) -> Manifest:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not a manifest of schema {SCHEMA}")
    manifest = from_json(Manifest, document)
    training, data = manifest.training, manifest.data
    if training is None:
        return manifest
    # Before these were kept, a trained model had its network's name, and its data was said at the export alone.
    if not training.network:
        training = replace(training, network=manifest.model)
    if not training.data.source and data is not None and data.name == training.data.name:
        training = replace(training, data=replace(training.data, source=data.source))
    return replace(manifest, training=training)


def update_manifest(
    folder: Path,
    model: str,
    files: Mapping[str, FileEntry],
    *,
    training: TrainingRecord | None = None,
    data: DataFacts | None = None,
) -> Manifest:
    """Add ``files`` to the folder's manifest, in one step; files that are gone drop out, what is None stays as it was.

    The training of before stays only while the float baseline is the file that it was.

    Raises:
        DataError: there is a manifest already, and it is damaged.
    """
    before = read_manifest(folder) or Manifest(model)
    baseline = f"{model}.keras"
    same = baseline not in files or _sha256(before, baseline) == files[baseline].sha256
    present = {file: entry for file, entry in before.files.items() if (folder / file).exists()}
    present |= files
    listed = {file: present[file] for file in sorted(present, key=place_in_tables)}
    manifest = Manifest(model, training or (before.training if same else None), listed, data or before.data)
    document = {"schema": SCHEMA, **to_json(manifest)}
    write_atomically(folder / MANIFEST, (json.dumps(document, indent=1) + "\n").encode())
    return manifest


def training_record(path: Path) -> TrainingRecord | None:
    """How the model in a ``.keras`` file was trained here; None for a model from elsewhere.

    The record is the one inside the file, else that of the manifest beside it, if that describes this very file. The
    file's name says nothing.

    Raises:
        DataError: the record in the file, or the manifest beside it, is damaged.
    """
    if not path.is_file():
        return None
    inside = _record_inside(path)
    if inside is not None:
        return inside
    manifest = read_manifest(path.parent)
    if manifest is None or manifest.training is None:
        return None
    return manifest.training if _sha256(manifest, path.name) == sha256_of(path.read_bytes()) else None


def with_record(content: bytes, record: TrainingRecord) -> bytes:
    """The bytes of a ``.keras`` file with the record in them."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        # The date that Keras gives to its own description: the same record gives the same bytes.
        member = zipfile.ZipInfo(RECORD_MEMBER, date_time=(1980, 1, 1, 0, 0, 0))
        archive.writestr(member, json.dumps(to_json(record)))
    return stream.getvalue()


def _record_inside(path: Path) -> TrainingRecord | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if RECORD_MEMBER not in archive.namelist():
                return None
            with archive.open(RECORD_MEMBER) as member:
                text = member.read(MAX_BYTES)
    # On damaged archives zipfile raises whatever it stumbles over. No Keras archive: who loads it says so.
    except Exception:
        return None
    try:
        return from_json(TrainingRecord, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: its training record {RECORD_MEMBER} is damaged ({error}): train it again") from None


def _sha256(manifest: Manifest, file: str) -> str | None:
    return manifest.files[file].sha256 if file in manifest.files else None
