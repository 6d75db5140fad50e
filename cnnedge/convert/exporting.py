"""From a trained Keras model to a folder of files, each converted, evaluated, described and written."""

import importlib.metadata
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.convert.converter import CALIBRATED, Converter, ExportPlan
from cnnedge.convert.to_onnx import embed_passport_onnx
from cnnedge.data import Dataset
from cnnedge.errors import CnnedgeError, DataError, UsageError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.formats.model_file import embed_passport_tflite
from cnnedge.model.networks import MODELS
from cnnedge.model.predictor import KerasPredictor
from cnnedge.names import ExportName
from cnnedge.passport import Passport
from cnnedge.progress import Progress, silent
from cnnedge.runtime.runner import open_runner
from cnnedge.scoring.score import score
from cnnedge.training.recipes import Recipe
from cnnedge.training.recipes import recipe as recipe_of

if TYPE_CHECKING:
    import keras

MANIFEST = "manifest.json"
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
) -> tuple[dict[str, Any], dict[str, str]]:
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
    baseline = source.read_bytes()
    entries = {f"{name}.keras": _baseline_entry(model, baseline, labels, data)}
    failures = {}
    if source.resolve() != (folder / f"{name}.keras").resolve():
        write_atomically(folder / f"{name}.keras", baseline)
    for target in plan.names(name):
        try:
            content = converter.convert(target)
            passport = _passport(target, content, labels, converter, sha256_of(baseline))
        except CnnedgeError as error:
            failures[target.filename] = str(error)
            continue
        embed = embed_passport_tflite if target.format == "tflite" else embed_passport_onnx
        content = embed(content, passport)
        write_atomically(folder / target.filename, content)
        entries[target.filename] = manifest_entry(content, passport)
    write_manifest(folder, entries, {"model": name, "data": _data_facts(data)})
    return entries, failures


def export_recipe(model_name: str, preset: str) -> Recipe:
    """The recipe whose quantization fields an export uses: the model's own, or for an unknown model one epoch."""
    if model_name in MODELS:
        return recipe_of(model_name, preset)
    return Recipe(epochs=1)


def manifest_entry(content: bytes, passport: Passport) -> dict[str, Any]:
    """What ``manifest.json`` says of one file."""
    return {
        "sha256": sha256_of(content),
        "size_bytes": len(content),
        "format": passport.format,
        "precision": passport.precision,
        "qat": passport.qat,
        "input_contract": passport.input_contract,
        "output_dtype": passport.output_dtype,
        "labels": list(passport.labels),
        "top1": passport.top1,
        "test_images": passport.test_images,
        **passport.made,
    }


def write_manifest(folder: Path, entries: dict[str, Any], facts: dict[str, Any]) -> None:
    """Add ``entries`` (by file name) and ``facts`` to the folder's manifest, dropping files that are gone."""
    path = folder / MANIFEST
    before = json.loads(path.read_text()) if path.exists() else {}
    files = {file: entry for file, entry in before.get("files", {}).items() if (folder / file).exists()}
    document = {"schema": 1, **before, **facts, "files": files | entries}
    write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


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


def _baseline_entry(
    model: "keras.Model", content: bytes, labels: tuple[str, ...], data: Dataset | None
) -> dict[str, Any]:
    return {
        "sha256": sha256_of(content),
        "size_bytes": len(content),
        "format": "keras",
        "precision": "float32",
        "qat": False,
        "labels": list(labels),
        "top1": None if data is None else score(KerasPredictor(model), data.test).top1,
        "test_images": 0 if data is None else len(data.test),
        "method": "training",
        "versions": versions(),
    }


def _passport(
    target: ExportName, content: bytes, labels: tuple[str, ...], converter: Converter, source_sha256: str
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
        licence=_licence(target.model, data),
        top1=top1,
        test_images=0 if data is None else len(data.test),
        made={
            "method": _method(target, converter),
            "source_sha256": source_sha256,
            "seed": converter.seed,
            "data": _data_facts(data),
            "versions": versions(),
            **({"calibration": converter.calibration} if target.precision in CALIBRATED else {}),
        },
    )


def _licence(model: str, data: Dataset | None) -> str:
    """Ours for our networks on published data; only their owner knows that of other networks and of own photos."""
    published = data is None or data.source != "folder"
    return "Apache-2.0" if model in MODELS and published else ""


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


def _data_facts(data: Dataset | None) -> dict[str, Any] | None:
    if data is None:
        return None
    return {
        "name": data.name,
        "source": "bundled sample" if data.is_sample else "folder" if data.source == "folder" else "full dataset",
        "is_sample": data.is_sample,
        "seed": data.seed,
        "licence": data.licence,
        "calibration": {"images": len(data.calibration), "sha256": data.calibration.sha256},
        "test": {"images": len(data.test), "sha256": data.test.sha256},
    }
