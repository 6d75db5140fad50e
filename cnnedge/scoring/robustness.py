"""Does quantization cost more on bad pictures than on good ones? The float file and the int8 files of a model on the
same test images, clean and with every corruption of ``corruptions``, kept as ``robustness.json``."""

import datetime
import json
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np

from cnnedge import __version__
from cnnedge.data import ArraySplit, Split, pixels_of
from cnnedge.errors import DataError
from cnnedge.files import read_regular, sha256_of
from cnnedge.machine.hardware import cores
from cnnedge.progress import Progress, silent
from cnnedge.records import always, from_json
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner
from cnnedge.scoring.accuracy import Z95
from cnnedge.scoring.corruptions import LEVELS, SEVERITIES, corrupt
from cnnedge.scoring.score import score

SCHEMA = 1
# 20 rows of 35 conditions are 30 kB.
MAX_BYTES = 5_000_000
KIND = "C-style corruptions, not CIFAR-10-C"
# Whose versions decide the pixels of the corrupted images.
_PACKAGES = ("numpy", "scipy", "pillow")


@dataclass(frozen=True)
class Made:
    """By which version, when (ISO 8601, UTC), in how many seconds; ``packages``: versions that decide the pixels."""

    cnnedge: str
    at: str
    seconds: float
    packages: dict[str, str]


@dataclass(frozen=True)
class Pictures:
    """Which test images, of ``full_images``; ``sha256`` as in ``Split.sha256``."""

    name: str
    split: str
    images: int
    full_images: int
    sha256: str
    is_sample: bool


@dataclass(frozen=True)
class RobustRow:
    """One file: fractions 0..1, ``top1`` by corruption at severity 1 to 5; what is compared is None for the float file.

    ``delta_pp`` is the difference to the float file in the mean of all conditions, ``amplification_pp`` how much that
    is more than ``clean_delta_pp``, the difference on the clean images; low and high are 95 % intervals.
    """

    file: str
    sha256: str
    clean_top1: float
    top1: dict[str, list[float]]
    mean_top1: float
    clean_delta_pp: float | None = None
    delta_pp: float | None = None
    delta_low_pp: float | None = None
    delta_high_pp: float | None = None
    amplification_pp: float | None = None
    amplification_low_pp: float | None = None
    amplification_high_pp: float | None = None


@dataclass(frozen=True)
class PlainRow:
    """Top-1 of one file with its 95 % Wilson interval, fractions 0..1."""

    file: str
    sha256: str
    top1: float
    top1_low: float
    top1_high: float


@dataclass(frozen=True)
class OtherImages:
    """The files on the images of CIFAR-10.1."""

    version: str
    images: int
    sha256: str
    rows: list[PlainRow]


@dataclass(frozen=True)
class Robustness:
    """``robustness.json``; the float file comes first among the rows."""

    schema: int
    kind: str
    made: Made
    data: Pictures
    seed: int
    severities: dict[str, list[float]]
    rows: list[RobustRow]
    cifar10_1: OtherImages | None = always()


def measure_robustness(
    files: Sequence[Path], split: Split, *, data_name: str, full_images: int, is_sample: bool = False, seed: int = 0,
    progress: Progress = silent,
) -> Robustness:  # fmt: skip
    """Top-1 of every file on ``split``, clean and corrupted.

    Args:
        files: exported files of one model, the float one that the others are compared with first.
        split: test images uint8 ``(N, H, W, C)``, N at least 2, and their classes.
        data_name, full_images, is_sample: the dataset, its whole test split's images, whether it is the sample.
        seed: of the noises.

    Raises:
        ModelError: a file cannot be opened.
        ValueError: fewer than 2 images: an interval needs their spread.
    """
    if len(split) < 2:
        raise ValueError(f"{len(split)} images, expected at least 2")
    begun = time.monotonic()
    conditions = [(name, severity) for name in SEVERITIES for severity in range(1, LEVELS + 1)]
    with ExitStack() as stack:
        runners = [stack.enter_context(open_runner(file, num_threads=cores())) for file in files]
        pixels = pixels_of(split)
        clean, corrupted = _right(runners, pixels, split.labels), []
        for done, (name, severity) in enumerate(conditions):
            progress("classify corrupted images", done, len(conditions))
            images = corrupt(pixels, name, severity, seed=seed)
            corrupted.append(_right(runners, images, split.labels))
        progress("classify corrupted images", len(conditions), len(conditions))
    right = np.stack(corrupted, axis=1)
    return Robustness(
        schema=SCHEMA,
        kind=KIND,
        made=Made(
            __version__,
            datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            round(time.monotonic() - begun, 1),
            {package: metadata.version(package) for package in _PACKAGES},
        ),
        data=Pictures(data_name, "test", len(split), full_images, split.sha256, is_sample),
        seed=seed,
        severities={name: list(strengths) for name, strengths in SEVERITIES.items()},
        rows=[
            _row(file, clean[index], right[index], None if index == 0 else (clean[0], right[0]))
            for index, file in enumerate(files)
        ],
    )


def measure_plain(files: Sequence[Path], split: Split) -> list[PlainRow]:
    """Top-1 of every file on ``split``: a row for each."""
    rows = []
    for file in files:
        with open_runner(file, num_threads=cores()) as runner:
            found = score(runner, split)
        rows.append(PlainRow(*_identity(file), found.top1, *found.interval))
    return rows


def read_robustness(path: Path) -> Robustness:
    """Read a ``robustness.json``.

    Raises:
        DataError: it cannot be read, or is not such a document.
    """
    try:
        document = json.loads(read_regular(path, MAX_BYTES))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): remove it, and run cnnedge card again") from None
    try:
        found = from_json(Robustness, document)
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): remove it, run cnnedge card again") from None
    if found.schema != SCHEMA:
        raise DataError(f"{path} is not a robustness document of schema {SCHEMA}: remove it, run cnnedge card again")
    return found


def measured_on(rows: Sequence[RobustRow], files: Sequence[Path]) -> bool:
    """Whether ``rows`` are those of just these ``files``, with the content that they have now."""
    return [(row.file, row.sha256) for row in rows] == [_identity(file) for file in files]


def _right(runners: Sequence[Runner], images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each file is right on each image: bool ``(files, N)``."""
    return np.stack([score(runner, ArraySplit(images, labels)).hits for runner in runners])


def _row(
    file: Path, clean: np.ndarray, right: np.ndarray, reference: tuple[np.ndarray, np.ndarray] | None
) -> RobustRow:
    """One file: ``clean`` bool ``(N,)``, ``right`` bool ``(conditions, N)``, and the same two of the float file.

    The conditions share their images, so the spread of a difference is taken over images, each with its mean over the
    conditions.
    """
    shares = right.mean(axis=1).reshape(len(SEVERITIES), LEVELS)
    by_name = {name: values.tolist() for name, values in zip(SEVERITIES, shares, strict=True)}
    row = RobustRow(*_identity(file), float(clean.mean()), by_name, float(right.mean()))
    if reference is None:
        return row
    difference = right.mean(axis=0) - reference[1].mean(axis=0)
    on_clean = clean.astype(float) - reference[0]
    delta, delta_low, delta_high = _mean_pp(difference)
    amplification, amplification_low, amplification_high = _mean_pp(difference - on_clean)
    return replace(
        row, clean_delta_pp=_mean_pp(on_clean)[0], delta_pp=delta, delta_low_pp=delta_low, delta_high_pp=delta_high,
        amplification_pp=amplification, amplification_low_pp=amplification_low,
        amplification_high_pp=amplification_high,
    )  # fmt: skip


def _mean_pp(per_image: np.ndarray) -> tuple[float, float, float]:
    """The mean of ``per_image`` (N,), N at least 2, and its 95 % interval, in percentage points of four digits."""
    mean, reach = float(per_image.mean()), Z95 * float(per_image.std(ddof=1)) / math.sqrt(len(per_image))
    low, high = mean - reach, mean + reach
    return round(100 * mean, 4), round(100 * low, 4), round(100 * high, 4)


def _identity(file: Path) -> tuple[str, str]:
    """The file's name and the SHA-256 of its content."""
    return file.name, sha256_of(file.read_bytes())
