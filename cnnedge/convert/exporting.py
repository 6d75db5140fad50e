"""From a trained Keras model to a folder of files, each converted, evaluated, described and written."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.convert.converter import Converter
from cnnedge.convert.describe import baseline_entry, data_facts, data_json, licence_of, manifest_entry, passport_of
from cnnedge.convert.float_parts import float_parts
from cnnedge.convert.losses import IMAGES, Loss, loss_of, refuse_guessing
from cnnedge.convert.mixed import check_float_layers, marks_of
from cnnedge.convert.scheme import CALIBRATED, ExportPlan, Scheme
from cnnedge.convert.to_onnx import embed_passport_onnx
from cnnedge.errors import CnnedgeError, DataError, UsageError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.formats.tflite.tensor_names import with_short_names
from cnnedge.machine.hardware import cores
from cnnedge.manifest import FileEntry, TrainingRecord, training_record, update_manifest
from cnnedge.model.networks import MODELS
from cnnedge.model.predictor import KerasPredictor
from cnnedge.names import expected_one_of, place_in_tables
from cnnedge.passport import Passport
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner
from cnnedge.scoring.score import Score, score
from cnnedge.training.recipes import Recipe
from cnnedge.training.recipes import recipe as recipe_of

# Of a network from elsewhere, by preset: as many as our own networks' presets take.
QAT_EPOCHS = {"quick": 1, "full": 4}


@dataclass(frozen=True)
class Exported:
    """By file name: manifest entries of the files written, their answers on the test images (the baseline's too), what
    some lost or leave in float, why others failed."""

    entries: dict[str, FileEntry] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    losses: dict[str, Loss] = field(default_factory=dict)
    floats: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def export(
    converter: Converter, plan: ExportPlan, *, source: Path, name: str, folder: Path, keep_losses: bool = False
) -> Exported:
    """Convert, evaluate on all test images and write every file of ``plan`` into ``folder``, and the manifest.

    The float baseline ``<name>.keras`` is put beside them. A file that cannot be made does not stop the others, and the
    manifest is right after every file: whatever ends the export, what is there is described.

    Args:
        source: the ``.keras`` file that the converter's model was read from.
        name: the model's name, with which every file's name begins.
        keep_losses: write even files that are right no more often than a guess.

    Raises:
        UsageError: the plan needs calibration images and the converter has no data; it needs a training, and another
            one was begun in ``converter.learning.checkpoints``; it names layers that the model does not have.
        DataError: the data does not fit the model, or its calibration images are broken.
    """
    check_data(converter, plan)
    for names in {scheme.float_layers for scheme in plan.schemes if scheme.float_layers}:
        check_float_layers(converter.folded, names)
    if plan.needs_calibration:
        _ = converter.calibration  # before anything is written
    baseline = None if converter.data is None else score(KerasPredictor(converter.model), converter.data.test)
    for float_layers in {scheme.float_layers for scheme in plan.schemes if scheme.needs_training}:
        converter.begin_training(float_layers)
    content = source.read_bytes()
    work = _Export(converter, name, folder, sha256_of(content), training_record(source), baseline, keep_losses)
    work.put_baseline(content, already_there=source.resolve() == (folder / f"{name}.keras").resolve())
    del content
    # Both float32 files are made of one, which need not be kept while the others are made.
    schemes = sorted(plan.schemes, key=lambda scheme: scheme.precision != "float32")
    for number, scheme in enumerate(schemes, start=1):
        work.make(scheme)
        converter.keep_for(schemes[number:])
    return work.done


@dataclass(frozen=True)
class _Export:
    """One export on its way: what all its files share, and what is done."""

    converter: Converter
    name: str
    folder: Path
    source_sha256: str
    record: TrainingRecord | None
    baseline: Score | None
    keep_losses: bool
    done: Exported = field(default_factory=Exported)

    @property
    def labels(self) -> tuple[str, ...]:
        if self.converter.data is not None:
            return self.converter.data.labels
        classes = self.converter.model.outputs[0].shape[1]
        return self.converter.labels or tuple(str(index) for index in range(classes))

    def put_baseline(self, content: bytes, *, already_there: bool) -> None:
        file = f"{self.name}.keras"
        if not already_there:
            write_atomically(self.folder / file, content)
        self._note(file, baseline_entry(content, self.labels, self.baseline))
        if self.baseline is not None:
            self.done.scores[file] = self.baseline

    def make(self, scheme: Scheme) -> None:
        """One file, or the reason why there is none."""
        file = scheme.file(self.name)
        try:
            scheme, content, passport = self._made(scheme)
        except CnnedgeError as error:
            self.done.failures[file] = str(error)
            return
        # Converters and training frameworks raise whatever they like; the other files must not suffer for it.
        except Exception as error:
            self.done.failures[file] = (
                f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), 'no reason given')}"
            )
            return
        file = scheme.file(self.name)
        write_atomically(self.folder / file, content)
        self._note(file, manifest_entry(content, passport))

    def _note(self, file: str, entry: FileEntry) -> None:
        entries, facts = self.done.entries, data_facts(self.converter.data)
        entries[file] = entry
        for name in sorted(entries, key=place_in_tables):
            entries[name] = entries.pop(name)
        update_manifest(self.folder, self.name, entries, training=self.record, data=facts)

    def _made(self, scheme: Scheme) -> tuple[Scheme, bytes, Passport]:
        """The scheme as it turned out, the file with its passport, and the passport."""
        content, asked = self.converter.convert(scheme), scheme
        marks = marks_of(self.converter.folded)
        names = {operation.name for operation in self.converter.folded.operations}  # layers among them
        scopes = {name: name for name in names} | {mark: name for name, mark in marks.items()}
        floats = float_parts(content, scheme.format, scopes) if scheme.precision in CALIBRATED else ()
        scheme = scheme.with_floats(floats) if floats and scheme.precision == "int8" else scheme
        with open_runner(content, format=scheme.format, num_threads=cores()) as runner:
            found = self._score(scheme, runner)
            made = self._history(scheme, asked) | self._loss(scheme, content, found) | self._say_floats(scheme, floats)
            passport = passport_of(
                scheme, runner, model=self.name, labels=self.labels, licence=licence_of(self.record),
                found=found, made=made,
            )  # fmt: skip
        if scheme.format == "onnx":
            return scheme, embed_passport_onnx(content, passport), passport
        return scheme, embed_passport_tflite(with_short_names(content), passport), passport

    def _score(self, scheme: Scheme, runner: Runner) -> Score | None:
        data, file = self.converter.data, scheme.file(self.name)
        if data is None:
            return None
        found = score(runner, data.test, stage=f"evaluate {file}", progress=self.converter.progress)
        self.done.scores[file] = found
        return found

    def _loss(self, scheme: Scheme, content: bytes, found: Score | None) -> dict[str, Any]:
        """What the passport says of a loss.

        Raises:
            ConversionError: it is no better than a guess, and such files are not wanted.
        """
        data = self.converter.data
        if found is None or self.baseline is None or data is None:
            return {}
        images = data.validation.pixels(np.arange(min(len(data.validation), IMAGES)))
        loss = loss_of(scheme, content, found, self.baseline, model=self.converter.model, images=images)
        if not self.keep_losses:
            refuse_guessing(found, self.baseline, loss)
        if loss is None:
            return {}
        self.done.losses[scheme.file(self.name)] = loss
        return {"loss": asdict(loss)}

    def _say_floats(self, scheme: Scheme, floats: tuple[str, ...]) -> dict[str, Any]:
        """What the passport says of operators that an integer file leaves in float."""
        if not floats:
            return {}
        self.done.floats[scheme.file(self.name)] = list(floats)
        return {"float_operators": list(floats)}

    def _history(self, scheme: Scheme, asked: Scheme) -> dict[str, Any]:
        """How the file was made: ``scheme`` as it turned out."""
        recipe, pixels = self.converter.recipe, self.converter.pixels
        images = 0 if pixels is None else len(pixels)
        teacher = self.converter.learning.teacher
        words = scheme.words(
            images=images, epochs=recipe.qat_epochs, learning_rate=recipe.qat_learning_rate,
            teacher=None if teacher is None else str(teacher),
        )  # fmt: skip
        made = {
            "method": words,
            "source_sha256": self.source_sha256,
            "seed": self.converter.seed,
            "data": data_json(self.converter.data),
        }
        if scheme.qat:
            outcome = self.converter.outcome(asked.float_layers)
            made["qat_outcome"] = outcome.to_json()
        if scheme.qat and outcome.kept == "ptq":
            made["method"] = f"post-training quantization, {images} calibration images ({words} gave no better file)"
        if scheme.needs_calibration and self.converter.is_equalized(asked):
            made["method"] = f"channels equalized, {made['method']}"
        return made | ({"calibration": self.converter.calibration} if scheme.needs_calibration else {})


def export_recipe(record: TrainingRecord | None, preset: str) -> Recipe:
    """The recipe whose quantization fields an export uses: that of the network that was trained here, or a plain one.

    Raises:
        UsageError: there is no such preset.
    """
    if record is not None and record.network in MODELS:
        return recipe_of(record.network, preset)
    if preset not in QAT_EPOCHS:
        raise UsageError(f"unknown preset {preset!r}: {expected_one_of(preset, QAT_EPOCHS)}")
    return Recipe(epochs=1, qat_epochs=QAT_EPOCHS[preset])


def trained_on(path: Path, record: TrainingRecord | None) -> str | None:
    """The published data that a model was trained on; None where its file does not know.

    Raises:
        UsageError: it was trained on somebody's folder of pictures, whose place is not kept.
    """
    if record is None:
        return None
    if not record.data.published:
        raise UsageError(f"{path} was trained on the folder {record.data.name}: add --data with its place")
    return record.data.name


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
