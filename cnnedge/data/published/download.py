"""Getting a published dataset: from the cache, else from its sources, else from the sample in the package."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from cnnedge.data.published import cache
from cnnedge.data.published.parse import ARRAY_NAMES, Arrays
from cnnedge.data.published.sources import SourceFailed
from cnnedge.data.published.spec import DatasetSpec
from cnnedge.errors import DataError
from cnnedge.progress import Progress, silent

CACHE = "cache"
SAMPLE = "bundled sample"
_log = logging.getLogger(__name__)


def fetch(spec: DatasetSpec, folder: Path, progress: Progress = silent) -> tuple[Arrays, str]:
    """Return the four arrays and what they came from, and keep them below ``folder`` for the next time.

    Raises:
        DataError: every source failed (each is named with its reason), or ``folder`` cannot be used.
    """
    try:
        cache.sweep(folder)
        cached = cache.read(spec, folder)
        if cached is not None:
            return cached, CACHE
        return _fetch_anew(spec, folder, progress)
    except OSError as error:
        raise DataError(
            f"{spec.name} cannot be kept in {folder} ({error.strerror or error}): make room there or make it "
            "writable, or set CNNEDGE_DATA to another folder"
        ) from error


def _fetch_anew(spec: DatasetSpec, folder: Path, progress: Progress) -> tuple[Arrays, str]:
    folder.mkdir(parents=True, exist_ok=True)
    tried = []
    for source in spec.sources:
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{cache.SCRATCH}{spec.name}-") as scratch:
            try:
                arrays = source.fetch(Path(scratch), progress)
                spec.check_all(arrays)
            except (SourceFailed, DataError) as error:
                tried.append(f"{source.where} ({error})")
                continue
        cache.write(spec, folder, arrays)
        return arrays, source.kind
    reasons = f"{spec.name} could be had from none of its sources: {'; '.join(tried)}"
    if spec.sample is None:
        raise DataError(f"{reasons}; let one of them through, or copy {folder / spec.name} from a machine that has it")
    return _read_sample(spec.sample, reasons), SAMPLE


def _read_sample(path: Path, reasons: str) -> Arrays:
    with np.load(path, allow_pickle=False) as sample:
        arrays = {array: sample[array] for array in ARRAY_NAMES}
    _log.warning(
        "%s; USING THE SAMPLE in the package instead, %d training and %d test images: "
        "no figure from it is the dataset's",
        reasons,
        len(arrays["x_train"]),
        len(arrays["x_test"]),
    )
    return arrays
