"""A zip of pictures as it was downloaded: unpacked once, into the data folder."""

import contextlib
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from cnnedge.data.published.cache import SCRATCH, data_folder
from cnnedge.errors import CnnedgeError, DataError
from cnnedge.files import read_bounded
from cnnedge.images.decode import MAX_BYTES
from cnnedge.images.kinds import is_passed_over, is_picture_name
from cnnedge.progress import Progress, silent

# What the headers may add up to: 100,000 photos of a phone. A zip of 10 MB can hold far more of nothing.
MAX_UNPACKED = 400_000_000_000
_SAYS_UTF8 = 0x800


def is_zip(path: Path) -> bool:
    """Whether ``path`` is a zip archive by its name and its content."""
    return path.suffix.lower() == ".zip" and path.is_file() and zipfile.is_zipfile(path)


def unpacked(archive: Path, progress: Progress = silent) -> Path:
    """A folder with the pictures of ``archive`` as they lie in it, named after it; the same one every time.

    Raises:
        DataError: it is damaged, locked with a password, holds no pictures, or unpacks into more than the disk has.
    """
    try:
        return made_once(archive, lambda folder: _unpack(archive, folder, progress))
    except CnnedgeError:
        raise
    except Exception as error:  # on damaged archives, zipfile and what it unpacks with raise whatever they stumble over
        raise DataError(f"{archive} cannot be unpacked ({error}): download it again") from error


def made_once(archive: Path, make: Callable[[Path], None]) -> Path:
    """A folder of the data folder that ``make`` has filled from ``archive``, whole; later calls find it.

    Raises:
        DataError: it cannot be written, or ``archive`` not be read.
    """
    try:
        found = archive.stat()
        key = hashlib.sha256(f"{archive.resolve()} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:16]
        folder = data_folder() / "unzipped" / key / (archive.stem.lstrip(".") or "pictures")
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=data_folder(), prefix=SCRATCH) as scratch:
                make(Path(scratch) / "whole")
                # In one step: what is there under its name is complete.
                (Path(scratch) / "whole").rename(folder)
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked into {data_folder()} ({error.strerror or error})") from error
    return folder


def _unpack(archive: Path, folder: Path, progress: Progress) -> None:
    with zipfile.ZipFile(archive) as content:
        members = [member for member in content.infolist() if _is_wanted(member)]
        if not members:
            raise DataError(f"{archive} holds no pictures, expected <class>/<image> in it")
        _refuse_too_large(archive, members)
        for done, member in enumerate(members, 1):
            target = folder / _path(member)
            target.parent.mkdir(parents=True, exist_ok=True)
            with content.open(member) as stream:
                target.write_bytes(read_bounded(stream, MAX_BYTES, member.filename))
            progress("unpack pictures", done, len(members))


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member lies. A Mac writes its names in UTF-8 without saying so, and zipfile takes them for code page 437,
    whose text is hardly ever UTF-8 too."""
    name = member.filename
    if not member.flag_bits & _SAYS_UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return PurePosixPath(name)


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    path = _path(member)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        raise DataError(
            f"a picture of the archive would be written to {member.filename}: this is no archive of pictures"
        )
    return not member.is_dir() and not any(map(is_passed_over, path.parts)) and is_picture_name(path.name)


def _refuse_too_large(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    wanted, free = sum(member.file_size for member in members), shutil.disk_usage(data_folder()).free
    if wanted > min(free, MAX_UNPACKED):
        raise DataError(
            f"{archive} unpacks into {wanted / 1e9:.1f} GB, and {data_folder()} has {free / 1e9:.1f} GB free: make "
            "room there, or set CNNEDGE_DATA to another folder"
        )
