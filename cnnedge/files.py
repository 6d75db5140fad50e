"""Reading files without being held up or filled up, and writing them so that no reader ever meets half of one."""

import contextlib
import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, BinaryIO

from cnnedge.errors import CnnedgeError, FileExistsRefusal

# Files up to this size are read at once: a decoder reads a small picture in ten steps, which took 25 us for the one
# step's 10.
_SMALL_BYTES = 1 << 16


def open_regular(path: str | Path, limit: int) -> BinaryIO:
    """Open a regular file of at most ``limit`` bytes for reading.

    A pipe would hold up whoever opens it, and a device (or a link to /dev/zero) fills the memory.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger; ``strerror`` says which.
    """
    # Opened first and looked at then: what a name stands for can change in between.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is a pipe or a device, expected a regular file", str(path))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"has {found.st_size:,} bytes, expected at most {limit:,}", str(path))
        return _at_once(handle, found.st_size) or os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _at_once(handle: int, size: int) -> BinaryIO | None:
    """The content of a small file, whose handle is closed; None if it is larger or does not have its size."""
    if size > _SMALL_BYTES:
        return None
    content = os.read(handle, _SMALL_BYTES + 1)
    if len(content) != size:
        os.lseek(handle, 0, os.SEEK_SET)
        return None
    os.close(handle)
    return io.BytesIO(content)


def read_regular(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: as ``open_regular``.
    """
    with open_regular(path, limit) as stream:
        return read_bounded(stream, limit, path)


def read_bounded(stream: IO[bytes], limit: int, name: str | Path) -> bytes:
    """What is left in ``stream``, at most ``limit`` bytes.

    Raises:
        OSError: there is more.
    """
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"gives more than {limit:,} bytes", str(name))
    return content


def check_writable(*paths: Path) -> None:
    """Raise before long work begins if one of ``paths``, files or folders, cannot be made where it is to be.

    Raises:
        CnnedgeError: names the path and why.
    """
    import tempfile

    for path in paths:
        place = path if path.is_dir() else next(parent for parent in path.absolute().parents if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise CnnedgeError(f"{path} cannot be written ({error.strerror}): choose another place") from None


def check_readable(*paths: Path | None) -> None:
    """Raise before long work begins if one of ``paths`` is no file.

    Raises:
        CnnedgeError: names it.
    """
    for path in paths:
        if path is not None and not path.is_file():
            raise CnnedgeError(f"{path} does not exist: expected a file")


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raise before long work begins if any of ``paths`` exists and may not be replaced.

    Raises:
        FileExistsRefusal: a path exists and ``overwrite`` is false.
    """
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more already exist" if len(existing) > 1 else " already exists"
        raise FileExistsRefusal(f"{existing[0]}{more}: choose another --out or add --overwrite")


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` under ``path`` in one step: a reader sees the old file or the whole new one.

    The bytes go to a temporary file in the same folder (a rename is atomic only within a file system) and are
    flushed to the disk before the rename. On any failure the temporary file is removed.

    Raises:
        OSError: it cannot be written; ``filename`` is ``path``, of which a failed write itself says nothing.
    """
    import tempfile  # commands that only read do without it

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes the file private; give it the mode that open() would have given it.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def sha256_of(content: bytes) -> str:
    """The SHA-256 of ``content`` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
