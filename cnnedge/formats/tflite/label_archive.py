"""The ZIP archive that TFLite metadata puts behind a model: label files, so that ``unzip model.tflite`` gives them.

A flatbuffer is read from its front and a ZIP from its end, so the two share one file. MediaPipe reads stored
entries only, so ours are not compressed.
"""

import io
import zipfile
from collections.abc import Mapping

from cnnedge.formats.tflite.flatbuffer import Damaged

# The labels of the largest public classifiers (21,843 classes of ImageNet) are 0.5 MB; a few kB of deflated zeros
# could claim a thousand times that.
MAX_FILE_BYTES = 1_000_000
# The earliest time that a ZIP can hold: the same content gives the same bytes whenever it is written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_ALL = 0o644 << 16
_UNIX = 3


def append_files(content: bytes, files: Mapping[str, bytes]) -> bytes:
    """Return ``content`` with an archive of ``files``, by name, behind it; the same input gives the same bytes."""
    whole = io.BytesIO(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system, entry.external_attr = _UNIX, _READABLE_BY_ALL
            archive.writestr(entry, data)
    return whole.getvalue()


def without_archive(content: bytes) -> bytes:
    """The model alone: ``content`` up to the archive behind it, all of it if there is none."""
    try:
        with _opened(content) as archive:
            starts = [entry.header_offset for entry in archive.infolist()]
            return content[: min([*starts, archive.start_dir])]
    except Damaged:  # no archive, or weights that happen to look like the end of one
        return content


def read_file(content: bytes, name: str) -> bytes:
    """The file ``name`` of the archive behind a model; it is read into memory and written nowhere.

    Raises:
        ModelError: there is no such file, there are two, its name leads out of the archive, it is larger than
            MAX_FILE_BYTES or encrypted, or the archive is damaged.
    """
    if name.startswith(("/", "\\")) or ".." in name or ":" in name:
        raise Damaged(f"the label file's name {name[:60]!r} leads out of the archive")
    with _opened(content) as archive:
        found = [entry for entry in archive.infolist() if entry.filename == name]
        if len(found) != 1:
            raise Damaged(f"the archive behind the model holds {len(found)} files {name[:60]!r}, expected 1")
        if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Damaged(f"{name[:60]!r} in the archive is packed by method {found[0].compress_type}, expected 0 or 8")
        data = _beginning(archive, found[0])
    if len(data) > MAX_FILE_BYTES:
        raise Damaged(f"{name[:60]!r} in the archive is larger than {MAX_FILE_BYTES:,} bytes, expected labels")
    return data


def _beginning(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The first MAX_FILE_BYTES + 1 bytes: the size that the archive states may be a lie."""
    try:
        with archive.open(entry) as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except Exception as error:  # on damaged archives, zipfile raises whatever it stumbles over
        raise Damaged(f"{entry.filename[:60]!r} in the archive behind the model cannot be read ({error})") from error


def _opened(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # as above
        raise Damaged(f"no readable archive behind the model ({error}), expected one with its labels") from error
