"""Decoded datasets on disk: ``<folder>/<dataset>/<array>.npy``, uncompressed, each verified when it is read.

Every file is written in one step and has exactly one right content, so that several processes may write the
same dataset at the same time: whichever comes last replaces a file by an equal one.
"""

import contextlib
import io
import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np

from cnnedge.data.published.parse import ARRAY_NAMES, Arrays
from cnnedge.data.published.spec import DatasetSpec
from cnnedge.errors import DataError
from cnnedge.files import write_atomically

# In the data folder, not the system's folder for temporary files: that is often small and in memory.
SCRATCH = ".fetch-"
# No download takes so long: npm is given up after half an hour.
ABANDONED_SECONDS = 6 * 3600
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
    arrays = {}
    for array in ARRAY_NAMES:
        path = _path(spec, folder, array)
        try:
            arrays[array] = _read_array(spec, array, path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except DataError as error:
            _log.warning("%s is damaged and was removed (%s); fetching %s again", path, error, spec.name)
            path.unlink(missing_ok=True)
    return arrays if len(arrays) == len(ARRAY_NAMES) else None


def write(spec: DatasetSpec, folder: Path, arrays: Arrays) -> None:
    """Keep verified arrays for the next time; ``numpy.load`` reads the files too."""
    for array in ARRAY_NAMES:
        values = np.ascontiguousarray(arrays[array])
        content = b"".join((_header(values.shape), values.data))
        write_atomically(_path(spec, folder, array), content)


def sweep(folder: Path) -> None:
    """Remove what downloads left that were killed: scratch folders and half-written files of hours ago."""
    oldest = time.time() - ABANDONED_SECONDS
    for path in [*folder.glob(f"{SCRATCH}*"), *folder.glob("*/.*.part")]:
        with contextlib.suppress(OSError):  # another process may sweep as well
            if path.stat().st_mtime > oldest:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _path(spec: DatasetSpec, folder: Path, array: str) -> Path:
    return folder / spec.name / f"{array}.npy"


def _read_array(spec: DatasetSpec, array: str, path: Path) -> np.ndarray:
    """Read one file. The header is compared, not parsed: a damaged one has no say in what is allocated."""
    values = np.empty(spec.shape_of(array), np.uint8)
    header = _header(values.shape)
    with path.open("rb") as stream:
        if stream.read(len(header)) != header:
            raise DataError(f"it does not begin as the uint8 array {values.shape} should")
        if stream.readinto(values.reshape(-1).data) != values.size or stream.read(1):
            raise DataError(f"it does not hold {values.size:,} bytes of content")
    spec.check(array, values)
    return values


def _header(shape: tuple[int, ...]) -> bytes:
    """The bytes with which numpy begins the ``.npy`` file of a uint8 array in C order."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue()
