"""What a person is told at the end: which file, how right it is, and whether the photos were learned by heart."""

from pathlib import Path

from cnnedge.photos.making import Made
from cnnedge.records import known
from cnnedge.scoring.accuracy import wilson_interval

# Points between photos of the training and others from which a person should know.
GAP_PP = 10
NO_BASE = (
    "no network that knows ImageNet can be fetched here, so a plain one begins from nothing: with few photos it will "
    "be right less often; where Keras's address can be reached, the same command begins with MobileNetV2"
)


def result(made: Made, folder: Path) -> list[str]:
    """The lines at the end."""
    validated = made.search.baseline / made.search.subject.validation
    lines = [decision(made, folder), *made.search.words, over_fitting(made.trained.top1, validated)]
    return [line for line in lines if line]


def decision(made: Made, folder: Path) -> str:
    """``use exported/flowers/flowers_int8.tflite: 0.9 MB, 94 % right (91 to 96 % on photos like these), ...``."""
    test, file = known(made.search.test), folder / known(made.search.file)
    low, high = (100 * end for end in wilson_interval(test.right, test.images))
    row = next(row for row in made.document.rows if row.file == file.name)
    speed = "" if row.p50_ms is None else f", {row.p50_ms:.3g} ms a photo on this machine"
    right = f"{100 * test.top1:.0f} % right ({low:.0f} to {high:.0f} % on photos like these)"
    return f"{'use' if made.search.met else 'the nearest is'} {file}: {_size(row.size_bytes)}, {right}{speed}"


def over_fitting(trained: float, validated: float) -> str | None:
    """What to say of top-1, 0..1, on photos of the training and on others; None if they are near each other."""
    if 100 * (trained - validated) < GAP_PP:
        return None
    return (
        f"over-fitted: it is right on {100 * trained:.0f} % of the photos that it was trained on and on "
        f"{100 * validated:.0f} % of others; more photos of each class help most"
    )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
