"""Getting a published dataset's arrays: from the cache, else from its sources, else from its bundled sample."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from cnnedge.datasets import cache
from cnnedge.datasets.decode import ARRAY_NAMES, Arrays
from cnnedge.datasets.sources import SourceFailed
from cnnedge.datasets.spec import DatasetSpec
from cnnedge.errors import DataError
from cnnedge.progress import Progress, silent

SAMPLE_SOURCE = "bundled sample"
_log = logging.getLogger(__name__)


def fetch(spec: DatasetSpec, folder: Path, progress: Progress = silent) -> tuple[Arrays, str]:
    """Return the four arrays and the kind of source that they came from; keep them below ``folder``.

    Raises:
        DataError: every source failed (each is named with its reason), or ``folder`` cannot be used.
    """
    try:
        cached = cache.read(spec, folder)
        if cached is not None:
            return cached, "cache"
        return _fetch_from_sources(spec, folder, progress)
    except OSError as error:
        raise DataError(
            f"{spec.name} cannot be kept in {folder}: {error.strerror or error}; make room or make it writable, "
            "or set CNNEDGE_DATA to another folder"
        ) from error


def _fetch_from_sources(spec: DatasetSpec, folder: Path, progress: Progress) -> tuple[Arrays, str]:
    folder.mkdir(parents=True, exist_ok=True)
    tried = []
    for source in spec.sources:
        # In the data folder, not the system's: that one is often small and in memory.
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".fetch-{spec.name}-") as scratch:
            try:
                arrays = source.fetch(Path(scratch), progress)
                spec.check_all(arrays)
            except (SourceFailed, DataError) as error:
                tried.append(f"{source.where} ({error})")
                continue
        cache.write(spec, folder, arrays)
        return arrays, source.kind
    reasons = f"{spec.name}: no source gave it: {'; '.join(tried)}"
    if spec.sample is None:
        raise DataError(
            f"{reasons}. Allow one of them, or copy {folder / spec.name} from a machine that has it"
        )
    return _read_sample(spec.sample, reasons), SAMPLE_SOURCE


def _read_sample(path: Path, reasons: str) -> Arrays:
    with np.load(path, allow_pickle=False) as sample:
        arrays = {array: sample[array] for array in ARRAY_NAMES}
    _log.warning(
        "%s. Using the sample inside the package: %d training and %d test images; figures from it are not the "
        "dataset's",
        reasons,
        len(arrays["x_train"]),
        len(arrays["x_test"]),
    )
    return arrays
