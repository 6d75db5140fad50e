"""Decoded datasets on disk: ``<folder>/<dataset>/<array>.npy``, uncompressed, each verified when it is read.

Every file is written in one step and has one right content, so that processes may write the same dataset at the same
time: whichever comes last replaces a file by an equal one.
"""

import io
import logging
import os
from pathlib import Path

import numpy as np

from cnnedge.datasets.decode import ARRAY_NAMES, Arrays
from cnnedge.datasets.spec import DatasetSpec
from cnnedge.errors import DataError
from cnnedge.files import write_atomically

_log = logging.getLogger(__name__)


def data_folder() -> Path:
    """Where datasets are kept: ``CNNEDGE_DATA``, or else cnnedge's folder in the user's cache folder."""
    chosen = os.environ.get("CNNEDGE_DATA")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("cnnedge"))


def read(spec: DatasetSpec, folder: Path) -> Arrays | None:
    """Return the four verified arrays, or None unless all of them are there.

    A file whose content is not the published one is removed, with a warning.
    """
    arrays = {array: _read_array(spec, array, _path(spec, folder, array)) for array in ARRAY_NAMES}
    complete = {array: values for array, values in arrays.items() if values is not None}
    return complete if len(complete) == len(arrays) else None


def write(spec: DatasetSpec, folder: Path, arrays: Arrays) -> None:
    """Keep verified arrays for the next time."""
    for array in ARRAY_NAMES:
        content = io.BytesIO()
        np.save(content, arrays[array], allow_pickle=False)
        write_atomically(_path(spec, folder, array), content.getvalue())


def _path(spec: DatasetSpec, folder: Path, array: str) -> Path:
    return folder / spec.name / f"{array}.npy"


def _read_array(spec: DatasetSpec, array: str, path: Path) -> np.ndarray | None:
    try:
        # Mapped before it is copied: a damaged header cannot claim more memory than the file has bytes.
        values = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        spec.check(array, values)
    except FileNotFoundError:
        return None
    except (DataError, ValueError, EOFError) as error:
        _log.warning("%s: %s is damaged and was removed (%s); fetching it again", spec.name, path, error)
        path.unlink(missing_ok=True)
        return None
    return values
