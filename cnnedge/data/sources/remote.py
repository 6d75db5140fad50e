"""Files on this machine, and those behind an address (``s3://bucket/photos``) through pyarrow's file systems."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cnnedge.errors import DataError, MissingPackageError
from cnnedge.files import read_bounded
from cnnedge.images.decode import MAX_BYTES

# How long a bucket of Google's is tried.
_PATIENCE_S = 30
# More would meet the usual limit of 1,024 open files.
_OPEN_FILES = 64


def is_address(text: str) -> bool:
    """Whether ``text`` is no path of this machine but an address: ``scheme://...``."""
    return "://" in text


def require_pyarrow() -> None:
    """Raises:
    MissingPackageError: it is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingPackageError("pyarrow", "scale") from None


def files_at(address: str) -> Iterator[str]:
    """The addresses of all files below ``address``, or ``address`` itself if it is one file.

    Raises:
        DataError: there is nothing, or it cannot be listed.
    """
    from pyarrow.fs import FileSelector, FileType

    system, path = _system(address)
    scheme = address[: address.index("://") + 3]
    try:
        found = system.get_file_info(path)
        if found.type == FileType.File:
            yield address
            return
        listed = system.get_file_info(FileSelector(path, recursive=True))
    except Exception as error:  # each file system raises its own
        raise DataError(f"{address} cannot be listed ({_first_line(error)})") from None
    yield from (f"{scheme}{one.path}" for one in listed if one.type == FileType.File)


def open_binary(name: str) -> BinaryIO:
    """The file at a path or an address, for reading from any place in it.

    Raises:
        OSError: it cannot be opened.
    """
    if not is_address(name):
        return Path(name).open("rb")
    system, path = _system(name)
    return system.open_input_file(path)


def read_whole(address: str) -> bytes:
    """The content of the file at an address, at most ``MAX_BYTES``.

    Raises:
        OSError: it cannot be read, or is larger.
    """
    with open_binary(address) as stream:
        return read_bounded(stream, MAX_BYTES, address)


class Ranges:
    """Reads ranges of bytes from files that stay open; for any thread."""

    def __init__(self) -> None:
        self._open: dict[str, BinaryIO] = {}
        self._lock = threading.Lock()

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Raises:
        OSError: it cannot be read, or ends before.
        """
        with self._lock:
            stream = self._stream(name)
            stream.seek(offset)
            content = stream.read(size)
        if len(content) < size:
            raise OSError(f"{name} is cut short: {size:,} bytes from {offset:,} on were expected")
        return content

    def _stream(self, name: str) -> BinaryIO:
        if name not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self.close()
            self._open[name] = open_binary(name)
        return self._open[name]

    def close(self) -> None:
        for stream in self._open.values():
            stream.close()
        self._open.clear()


def _system(address: str) -> tuple[Any, str]:
    require_pyarrow()
    from pyarrow.fs import FileSystem

    if address.startswith(("gs://", "gcs://")) and "?" not in address:
        address += f"?retry_limit_seconds={_PATIENCE_S}"  # pyarrow's own is 15 minutes, without a word
    try:
        return FileSystem.from_uri(address)
    except Exception as error:
        raise DataError(
            f"{address} is no address that can be read ({_first_line(error)}): expected s3://, gs://, hdfs:// or file://"
        ) from None


def _first_line(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
