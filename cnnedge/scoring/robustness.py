"""Does quantization cost more on bad pictures than on good ones? The float file and the int8 files of a model on the
same test images, clean and with every corruption of ``corruptions``, kept as ``robustness.json``."""

import datetime
import json
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge import __version__
from cnnedge.data import ArraySplit, Split, pixels_of
from cnnedge.errors import DataError
from cnnedge.files import sha256_of
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner
from cnnedge.scoring.accuracy import Z95, wilson_interval
from cnnedge.scoring.corruptions import LEVELS, SEVERITIES, corrupt
from cnnedge.scoring.score import score

SCHEMA = 1
KIND = "C-style corruptions, not CIFAR-10-C"
# Whose versions decide the pixels of the corrupted images.
_PACKAGES = ("numpy", "scipy", "pillow")


def measure_robustness(
    files: Sequence[Path], split: Split, *, data_name: str, full_images: int, is_sample: bool = False, seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """The document ``robustness.json``: top-1 of every file on ``split``, clean and corrupted.

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
        runners = [stack.enter_context(open_runner(file, num_threads=os.cpu_count() or 1)) for file in files]
        pixels = pixels_of(split)
        clean, corrupted = _right(runners, pixels, split.labels), []
        for done, (name, severity) in enumerate(conditions):
            progress("classify corrupted images", done, len(conditions))
            images = corrupt(pixels, name, severity, seed=seed)
            corrupted.append(_right(runners, images, split.labels))
        progress("classify corrupted images", len(conditions), len(conditions))
    right = np.stack(corrupted, axis=1)
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "made": {
            "cnnedge": __version__,
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begun, 1),
            "packages": {package: metadata.version(package) for package in _PACKAGES},
        },
        "data": {
            "name": data_name, "split": "test", "images": len(split), "full_images": full_images,
            "sha256": split.sha256, "is_sample": is_sample,
        },
        "seed": seed,
        "severities": {name: list(strengths) for name, strengths in SEVERITIES.items()},
        "rows": [
            _row(file, clean[index], right[index], None if index == 0 else (clean[0], right[0]))
            for index, file in enumerate(files)
        ],
        "cifar10_1": None,
    }  # fmt: skip


def measure_plain(files: Sequence[Path], split: Split) -> list[dict[str, Any]]:
    """Top-1 with its 95 % Wilson interval of every file on ``split``: a row for each."""
    with ExitStack() as stack:
        runners = [stack.enter_context(open_runner(file, num_threads=os.cpu_count() or 1)) for file in files]
        counts = _right(runners, pixels_of(split), split.labels).sum(axis=1)
    rows = []
    for file, count in zip(files, counts.tolist(), strict=True):
        low, high = wilson_interval(count, len(split))
        rows.append({**_identity(file), "top1": count / len(split), "top1_low": low, "top1_high": high})
    return rows


def load_robustness(path: Path) -> dict[str, Any]:
    """Read a ``robustness.json``.

    Raises:
        DataError: it cannot be read, or is not such a document.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): remove it, and run cnnedge card again") from None
    wanted = {"schema", "made", "data", "seed", "severities", "rows", "cifar10_1"}
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not wanted <= set(document):
        raise DataError(f"{path} is not a robustness document of schema {SCHEMA}: remove it, run cnnedge card again")
    return document


def measured_on(rows: Sequence[dict[str, Any]], files: Sequence[Path]) -> bool:
    """Whether ``rows`` are those of just these ``files``, with the content that they have now."""
    return [(row["file"], row["sha256"]) for row in rows] == [tuple(_identity(file).values()) for file in files]


def _right(runners: Sequence[Runner], images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each file is right on each image: bool ``(files, N)``."""
    return np.stack([score(runner, ArraySplit(images, labels)).hits for runner in runners])


def _row(
    file: Path, clean: np.ndarray, right: np.ndarray, reference: tuple[np.ndarray, np.ndarray] | None
) -> dict[str, Any]:
    """One file: ``clean`` bool ``(N,)``, ``right`` bool ``(conditions, N)``, and the same two of the float file.

    ``delta_pp`` is the difference to it in the mean of all conditions, ``amplification_pp`` how much that is more than
    the difference on the clean images. The conditions share their images, so the spread of both is taken over images,
    each with its mean over the conditions.
    """
    shares = right.mean(axis=1).reshape(len(SEVERITIES), LEVELS)
    row: dict[str, Any] = {
        **_identity(file),
        "clean_top1": float(clean.mean()),
        "top1": {name: values.tolist() for name, values in zip(SEVERITIES, shares, strict=True)},
        "mean_top1": float(right.mean()),
    }
    if reference is None:
        return row
    difference = right.mean(axis=0) - reference[1].mean(axis=0)
    on_clean = clean.astype(float) - reference[0]
    row["clean_delta_pp"] = round(100 * float(on_clean.mean()), 4)
    for name, per_image in (("delta", difference), ("amplification", difference - on_clean)):
        mean, reach = float(per_image.mean()), Z95 * float(per_image.std(ddof=1)) / math.sqrt(len(per_image))
        for end, value in (("", mean), ("_low", mean - reach), ("_high", mean + reach)):
            row[f"{name}{end}_pp"] = round(100 * value, 4)
    return row


def _identity(file: Path) -> dict[str, str]:
    return {"file": file.name, "sha256": sha256_of(file.read_bytes())}
