"""From a trained Keras model to a folder of files, each converted, evaluated, described and written."""

import importlib.metadata
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.convert.converter import CALIBRATED, Converter, ExportPlan
from cnnedge.convert.to_onnx import embed_passport_onnx
from cnnedge.data import Dataset
from cnnedge.errors import CnnedgeError, DataError, UsageError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.formats.model_file import embed_passport_tflite
from cnnedge.manifest import FOLDER, DataFacts, FileEntry, SplitFacts, TrainingRecord, training_record, update_manifest
from cnnedge.model.networks import MODELS
from cnnedge.model.predictor import KerasPredictor
from cnnedge.names import ExportName
from cnnedge.passport import Passport
from cnnedge.progress import Progress, silent
from cnnedge.records import from_json, to_json
from cnnedge.runtime.runner import open_runner
from cnnedge.scoring.score import score
from cnnedge.training.recipes import Recipe
from cnnedge.training.recipes import recipe as recipe_of

if TYPE_CHECKING:
    import keras

# Of a network from elsewhere, by preset: as many as our own networks' presets take.
QAT_EPOCHS = {"quick": 1, "full": 4}
# Whose versions decide what comes out.
_MADE_BY = (
    "cnnedge", "tensorflow", "keras", "tf_keras", "tensorflow-model-optimization", "tf2onnx", "onnx",
    "ai-edge-litert", "onnxruntime", "numpy",
)  # fmt: skip


def export(
    model: "keras.Model",
    plan: ExportPlan,
    *,
    source: Path,
    name: str,
    folder: Path,
    data: Dataset | None,
    recipe: Recipe,
    seed: int = 0,
    force_calibration: bool = False,
    progress: Progress = silent,
) -> tuple[dict[str, FileEntry], dict[str, str]]:
    """Convert, evaluate on all test images and write every file of ``plan`` into ``folder``, then the manifest.

    The float baseline ``<name>.keras`` is put beside them. A file that cannot be made does not stop the others.

    Args:
        model: trained Keras 3 classifier, pixels 0..255 in, probabilities out.
        source: the ``.keras`` file that it was read from.
        name: the model's name, with which every file's name begins.
        data: calibration images and test split; None exports without either (float precisions only).
        recipe: its ``qat_*`` fields and augmentation are used for quantization-aware training.
        force_calibration: use calibration images even if the audit finds them broken; the manifest says so.

    Returns:
        The manifest's entries of the files written, and the reasons of those that failed, both by file name.

    Raises:
        UsageError: the plan needs calibration images and there is no ``data``.
        DataError: the data does not fit the model, or its calibration images are broken.
    """
    _check_data(model, plan, data)
    converter = Converter(
        model, data, recipe, seed=seed, io=plan.io, force_calibration=force_calibration, progress=progress
    )
    if plan.needs_calibration():
        _ = converter.calibration  # before anything is written
    labels = data.labels if data else tuple(str(index) for index in range(model.outputs[0].shape[1]))
    baseline, record = source.read_bytes(), training_record(source)
    entries = {f"{name}.keras": baseline_entry(baseline, labels, _measured(model, data))}
    failures = {}
    if source.resolve() != (folder / f"{name}.keras").resolve():
        write_atomically(folder / f"{name}.keras", baseline)
    for target in plan.names(name):
        try:
            content = converter.convert(target)
            passport = _passport(target, content, labels, converter, sha256_of(baseline), record)
        except CnnedgeError as error:
            failures[target.filename] = str(error)
            continue
        embed = embed_passport_tflite if target.format == "tflite" else embed_passport_onnx
        content = embed(content, passport)
        write_atomically(folder / target.filename, content)
        entries[target.filename] = manifest_entry(content, passport)
    update_manifest(folder, name, entries, training=record, data=data_facts(data))
    return entries, failures


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


def baseline_entry(content: bytes, labels: tuple[str, ...], measured: tuple[float, int] | None) -> FileEntry:
    """What the manifest says of a ``.keras`` file; ``measured``: its top-1, 0..1, and on how many test images."""
    top1, images = measured or (None, 0)
    return FileEntry(
        sha256=sha256_of(content), size_bytes=len(content), format="keras", precision="float32", qat=False,
        labels=labels, top1=top1, test_images=images, method="training", versions=versions(),
    )  # fmt: skip


def manifest_entry(content: bytes, passport: Passport) -> FileEntry:
    """What ``manifest.json`` says of one exported file."""
    return from_json(
        FileEntry,
        {
            **asdict(passport),
            "labels": list(passport.labels),
            "sha256": sha256_of(content),
            "size_bytes": len(content),
            "input_contract": passport.input_contract,
            **passport.made,
        },
    )


def _measured(model: "keras.Model", data: Dataset | None) -> tuple[float, int] | None:
    return None if data is None else (score(KerasPredictor(model), data.test).top1, len(data.test))


def versions(packages: Iterable[str] = _MADE_BY) -> dict[str, str]:
    """The installed versions of the packages that decide what an export contains."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _check_data(model: "keras.Model", plan: ExportPlan, data: Dataset | None) -> None:
    if data is None:
        if plan.needs_calibration() or plan.qat:
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


def _passport(
    target: ExportName,
    content: bytes,
    labels: tuple[str, ...],
    converter: Converter,
    source_sha256: str,
    record: TrainingRecord | None,
) -> Passport:
    data = converter.data
    with open_runner(content, format=target.format) as runner:
        ends = runner.input, runner.output
        shape = runner.input_shape
    top1 = None
    if data is not None:
        with open_runner(content, format=target.format, num_threads=os.cpu_count() or 1) as runner:
            stage = f"evaluate {target.filename}"
            top1 = score(runner, data.test, stage=stage, progress=converter.progress).top1
    return Passport(
        model=target.model,
        format=target.format,
        precision=target.precision,
        qat=target.qat,
        labels=labels,
        input_shape=shape,
        input_dtype=ends[0].dtype,
        output_dtype=ends[1].dtype,
        description=f"Image classifier {target.model}: raw pixels in, one probability per class out",
        licence=_licence(record),
        top1=top1,
        test_images=0 if data is None else len(data.test),
        made={
            "method": _method(target, converter),
            "source_sha256": source_sha256,
            "seed": converter.seed,
            "data": to_json(data_facts(data)),
            "versions": versions(),
            **({"calibration": converter.calibration} if target.precision in CALIBRATED else {}),
        },
    )


def _licence(record: TrainingRecord | None) -> str:
    """Ours for our networks on published data; only their owner knows that of other networks and of own photos."""
    return "Apache-2.0" if record and record.network in MODELS and record.data.published else ""


def _method(target: ExportName, converter: Converter) -> str:
    if target.qat:
        recipe = converter.recipe
        return (
            f"quantization-aware training, {recipe.qat_epochs} epochs at {recipe.qat_learning_rate:g}, "
            "7-bit weights, ranges from calibration images"
        )
    if target.precision in CALIBRATED:
        images = 0 if converter.pixels is None else len(converter.pixels)
        return f"post-training quantization, {images} calibration images"
    return {"float32": "conversion", "float16": "weights rounded to 16 bits"}.get(
        target.precision, "post-training quantization of the weights"
    )


def data_facts(data: Dataset | None) -> DataFacts | None:
    """What manifest and passports say of the data of an export."""
    if data is None:
        return None
    return DataFacts(
        name=data.name,
        source="bundled sample" if data.is_sample else FOLDER if data.source == FOLDER else "full dataset",
        is_sample=data.is_sample,
        seed=data.seed,
        licence=data.licence,
        calibration=SplitFacts(len(data.calibration), data.calibration.sha256),
        test=SplitFacts(len(data.test), data.test.sha256),
    )
