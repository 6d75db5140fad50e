"""What an exported file says of itself in its passport, and what the manifest says of it."""

import importlib.metadata
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cnnedge.files import sha256_of
from cnnedge.manifest import FOLDER, DataFacts, FileEntry, SplitFacts, TrainingRecord
from cnnedge.model.networks import MODELS
from cnnedge.passport import Passport
from cnnedge.records import from_json, to_json

if TYPE_CHECKING:
    from cnnedge.convert.scheme import Scheme
    from cnnedge.data import Dataset
    from cnnedge.runtime.runner import Runner
    from cnnedge.scoring.score import Score

# Whose versions decide what comes out.
_MADE_BY = (
    "cnnedge", "tensorflow", "keras", "tf2onnx", "onnx",
    "ai-edge-litert", "onnxruntime", "numpy",
)  # fmt: skip


def passport_of(
    scheme: "Scheme",
    runner: "Runner",
    *,
    model: str,
    labels: tuple[str, ...],
    licence: str,
    found: "Score | None",
    made: dict[str, Any],
) -> Passport:
    """The passport of a file that is open in ``runner``.

    Args:
        found: its answers on the test images; None if there were none.
        made: the words of ``Scheme.words`` as ``method``, and what else decided it.
    """
    top1, images = (found.top1, found.images) if found else (None, 0)
    return Passport(
        model=model, format=scheme.format, precision=scheme.precision, qat=scheme.qat, labels=labels,
        input_shape=runner.input_shape, input_dtype=runner.input.dtype, output_dtype=runner.output.dtype,
        description=f"Image classifier {model}: raw pixels in, one probability per class out",
        licence=licence, top1=top1, test_images=images, made={**made, "versions": versions()},
    )  # fmt: skip


def licence_of(record: TrainingRecord | None) -> str:
    """Ours for our networks on published data; only their owner knows that of other networks and of own photos."""
    return "Apache-2.0" if record and record.network in MODELS and record.data.published else ""


def baseline_entry(content: bytes, labels: tuple[str, ...], found: "Score | None" = None) -> FileEntry:
    """What the manifest says of a ``.keras`` file and of its answers on the test images."""
    top1, images = (found.top1, found.images) if found else (None, 0)
    return FileEntry(
        sha256=sha256_of(content), size_bytes=len(content), format="keras", precision="float32", qat=False,
        labels=labels, top1=top1, test_images=images, method="training", versions=versions(),
    )  # fmt: skip


def manifest_entry(content: bytes, passport: Passport) -> FileEntry:
    """What the manifest says of an exported file."""
    own = {"sha256": sha256_of(content), "size_bytes": len(content), "input_contract": passport.input_contract}
    return from_json(FileEntry, {**asdict(passport), "labels": list(passport.labels), **own, **passport.made})


def data_facts(data: "Dataset | None") -> DataFacts | None:
    """What the manifest says of the data of an export."""
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


def data_json(data: "Dataset | None") -> dict[str, Any] | None:
    """``data_facts`` as a passport carries them."""
    return None if data is None else to_json(data_facts(data))


def versions(packages: Iterable[str] = _MADE_BY) -> dict[str, str]:
    """The installed versions of the packages that decide what an export contains."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
