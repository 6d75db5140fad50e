"""Writing files so that no reader ever meets half of one."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cnnedge.errors import FileExistsRefusal


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raise before long work begins if any of ``paths`` exists and may not be replaced.

    Raises:
        FileExistsRefusal: a path exists and ``overwrite`` is false.
    """
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise FileExistsRefusal(f"{existing[0]}{more} already exists: choose another --out or add --overwrite")


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` under ``path`` in one step: a reader sees the old file or the whole new one.

    The bytes go to a temporary file in the same folder (a rename is atomic only within a file system) and are
    flushed to the disk before the rename. On any failure the temporary file is removed.
    """
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
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def sha256_of(content: bytes) -> str:
    """The SHA-256 of ``content`` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
