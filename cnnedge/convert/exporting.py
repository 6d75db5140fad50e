"""From a trained Keras model to a folder of files, each converted, evaluated, described and written."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cnnedge.convert.converter import Converter
from cnnedge.convert.describe import baseline_entry, data_facts, data_json, licence_of, manifest_entry, passport_of
from cnnedge.convert.scheme import ExportPlan, Scheme
from cnnedge.convert.to_onnx import embed_passport_onnx
from cnnedge.errors import CnnedgeError, DataError, UsageError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.manifest import FileEntry, TrainingRecord, training_record, update_manifest
from cnnedge.model.networks import MODELS
from cnnedge.model.predictor import KerasPredictor
from cnnedge.passport import Passport
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import score
from cnnedge.training.recipes import Recipe
from cnnedge.training.recipes import recipe as recipe_of

# Of a network from elsewhere, by preset: as many as our own networks' presets take.
QAT_EPOCHS = {"quick": 1, "full": 4}


@dataclass(frozen=True)
class Exported:
    """The manifest's entries of the files written, and the reasons of those that failed, both by file name."""

    entries: dict[str, FileEntry] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def export(converter: Converter, plan: ExportPlan, *, source: Path, name: str, folder: Path) -> Exported:
    """Convert, evaluate on all test images and write every file of ``plan`` into ``folder``, and the manifest.

    The float baseline ``<name>.keras`` is put beside them. A file that cannot be made does not stop the others, and the
    manifest is right after every file: whatever ends the export, what is there is described.

    Args:
        source: the ``.keras`` file that the converter's model was read from.
        name: the model's name, with which every file's name begins.

    Raises:
        UsageError: the plan needs calibration images and the converter has no data.
        DataError: the data does not fit the model, or its calibration images are broken.
    """
    check_data(converter, plan)
    if plan.needs_calibration:
        _ = converter.calibration  # before anything is written
    work = _Export(converter, name, folder, source.read_bytes(), training_record(source))
    work.put_baseline(already_there=source.resolve() == (folder / f"{name}.keras").resolve())
    for scheme in plan.schemes:
        work.make(scheme)
    return work.done


@dataclass(frozen=True)
class _Export:
    """One export on its way: what all its files share, and what is done."""

    converter: Converter
    name: str
    folder: Path
    baseline: bytes
    record: TrainingRecord | None
    done: Exported = field(default_factory=Exported)

    @property
    def labels(self) -> tuple[str, ...]:
        if self.converter.data is not None:
            return self.converter.data.labels
        return tuple(str(index) for index in range(self.converter.model.outputs[0].shape[1]))

    def put_baseline(self, *, already_there: bool) -> None:
        file, data = f"{self.name}.keras", self.converter.data
        found = None if data is None else score(KerasPredictor(self.converter.model), data.test)
        if not already_there:
            write_atomically(self.folder / file, self.baseline)
        self._note(file, baseline_entry(self.baseline, self.labels, found))

    def make(self, scheme: Scheme) -> None:
        """One file, or the reason why there is none."""
        file = scheme.file(self.name)
        try:
            content = self.converter.convert(scheme)
            passport = self._passport(scheme, content)
        except CnnedgeError as error:
            self.done.failures[file] = str(error)
            return
        # Converters and training frameworks raise whatever they like; the other files must not suffer for it.
        except Exception as error:
            self.done.failures[file] = (
                f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), 'no reason given')}"
            )
            return
        embed = embed_passport_tflite if scheme.format == "tflite" else embed_passport_onnx
        content = embed(content, passport)
        write_atomically(self.folder / file, content)
        self._note(file, manifest_entry(content, passport))

    def _note(self, file: str, entry: FileEntry) -> None:
        self.done.entries[file] = entry
        facts = data_facts(self.converter.data)
        update_manifest(self.folder, self.name, self.done.entries, training=self.record, data=facts)

    def _passport(self, scheme: Scheme, content: bytes) -> Passport:
        data, recipe, pixels = self.converter.data, self.converter.recipe, self.converter.pixels
        images = 0 if pixels is None else len(pixels)
        words = scheme.words(images=images, epochs=recipe.qat_epochs, learning_rate=recipe.qat_learning_rate)
        made = {
            "method": words,
            "source_sha256": sha256_of(self.baseline),
            "seed": self.converter.seed,
            "data": data_json(data),
        }
        if scheme.needs_calibration:
            made["calibration"] = self.converter.calibration
        with open_runner(content, format=scheme.format, num_threads=os.cpu_count() or 1) as runner:
            stage, progress = f"evaluate {scheme.file(self.name)}", self.converter.progress
            found = None if data is None else score(runner, data.test, stage=stage, progress=progress)
            return passport_of(
                scheme, runner, model=self.name, labels=self.labels, licence=licence_of(self.record),
                found=found, made=made,
            )  # fmt: skip


def export_recipe(record: TrainingRecord | None, preset: str) -> Recipe:
    """The recipe whose quantization fields an export uses: that of the network that was trained here, or a plain one.

    Raises:
        UsageError: there is no such preset.
    """
    if record is not None and record.network in MODELS:
        return recipe_of(record.network, preset)
    if preset not in QAT_EPOCHS:
        raise UsageError(f"unknown preset {preset!r}: expected one of {', '.join(QAT_EPOCHS)}")
    return Recipe(epochs=1, qat_epochs=QAT_EPOCHS[preset])


def check_data(converter: Converter, plan: ExportPlan) -> None:
    """Refuse a plan that the converter's data cannot serve.

    Raises:
        UsageError, DataError: see ``export``.
    """
    model, data = converter.model, converter.data
    if data is None:
        if plan.needs_calibration or plan.needs_training:
            raise UsageError(
                "int8 and int16x8 need calibration images: give --data NAME|DIR, or --precision float32,float16,dynamic"
            )
        return
    shape, classes = tuple(model.inputs[0].shape[1:]), model.outputs[0].shape[1]
    if tuple(data.image_shape) != shape or len(data.labels) != classes:
        raise DataError(
            f"{data.name} has {len(data.labels)} classes of images {tuple(data.image_shape)}, "
            f"the model takes {shape} and gives {classes} classes: choose the data it was trained on"
        )
