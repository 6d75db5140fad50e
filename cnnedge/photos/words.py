"""What a person is told at the end: which file, how right it is, and whether the photos were learned by heart."""

from pathlib import Path

from cnnedge.data import Dataset
from cnnedge.documents import Document
from cnnedge.documents.trials import Search
from cnnedge.records import known
from cnnedge.report.decision import over_fitting, size_words
from cnnedge.scoring.accuracy import wilson_interval

NO_BASE = (
    "no network that knows ImageNet can be fetched here, so a plain one begins from nothing: with few photos it will "
    "be right less often; where Keras's address can be reached, the same command begins with MobileNetV2"
)


def parts(data: Dataset) -> str:
    """``5 classes, 1,052 photos: 615 to train on, 159 to decide on, 67 to calibrate with, 211 to test on``."""
    uses = (
        (data.train, "to train on"), (data.validation, "to decide on"), (data.calibration, "to calibrate with"),
        (data.test, "to test on"),
    )  # fmt: skip
    found = ", ".join(f"{len(split):,} {use}" for split, use in uses)
    return f"{len(data.labels)} classes, {sum(len(split) for split, _ in uses):,} photos: {found}"


def result(found: Search, document: Document, folder: Path) -> list[str]:
    """The lines at the end."""
    lines = [decision(found, document, folder), *found.words, over_fitting(document, {})]
    return [line for line in lines if line]


def decision(found: Search, document: Document, folder: Path) -> str:
    """``use exported/flowers/flowers_int8.tflite: 0.9 MB, 94 % right (91 to 96 % on photos like these), ...``."""
    test, file = known(found.test), folder / known(found.file)
    low, high = (100 * end for end in wilson_interval(test.right, test.images))
    row = next(row for row in document.rows if row.file == file.name)
    speed = "" if row.p50_ms is None else f", {row.p50_ms:.3g} ms a photo on this machine"
    right = f"{100 * test.top1:.0f} % right ({low:.0f} to {high:.0f} % on photos like these)"
    return f"{'use' if found.met else 'the nearest is'} {file}: {size_words(row.size_bytes)}, {right}{speed}"
