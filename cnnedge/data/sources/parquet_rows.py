"""Parquet files with a column of encoded pictures, as Hugging Face's datasets and data lakes have them."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from cnnedge.data.class_folders import shown
from cnnedge.data.sources.entry import Entry, named_class
from cnnedge.data.sources.remote import open_binary, require_pyarrow
from cnnedge.errors import DataError

# Names in Hugging Face's and img2dataset's files; the first that is there is taken.
_IMAGE_COLUMNS = ("image", "img", "jpg", "png", "image_bytes", "bytes", "content")
_KEY_COLUMNS = ("key", "__key__", "path", "file_name", "filename", "id")
_CLASS_COLUMNS = ("label", "class", "cls", "fine_label")
# Rows read at once: 16 photos of a phone are 60 MB.
_ROWS = 16
_LISTED_ROWS = 10_000


class ParquetRows:
    """The pictures of ``files``: key, class and encoded bytes from the columns that are called so."""

    may_repeat = True

    def __init__(self, files: Sequence[str]) -> None:
        require_pyarrow()
        self.files = files
        self._lock = threading.Lock()
        self._reading: _Reading | None = None

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry]:
        for name in self.files:
            yield from _listed(name, labels)

    def encoded(self, entry: Entry) -> bytes:
        with self._lock:
            if self._reading is None or not self._reading.reaches(entry):
                self._reading = _Reading(entry.file)
            return self._reading.row(entry.offset)


class _Reading:
    """One file read forwards, a few rows at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = _open(name)
        self._batches: Iterator[Any] = iter(())
        self._first, self._rows = 0, 0
        self._column: Any = None

    def reaches(self, entry: Entry) -> bool:
        return entry.file == self._name and entry.offset >= self._first

    def row(self, row: int) -> bytes:
        """Raises:
        OSError: it is empty, or can no longer be read.
        """
        try:
            if not self._first <= row < self._first + self._rows:
                self._move(row)
            found = self._column[row - self._first].as_py()
        except (ValueError, StopIteration, IndexError) as error:
            raise OSError(f"row {row} of {self._name} cannot be read ({error})") from None
        content = found["bytes"] if isinstance(found, dict) else found
        if content is None:
            raise OSError(f"row {row} of {self._name} holds no picture")
        return content

    def _move(self, row: int) -> None:
        """Go forwards to the batch with ``row``; to the start of its row group first, if that is further on."""
        group, first = _group_of(self._file, row)
        if not self._first <= first <= self._first + self._rows or self._column is None:
            self._first, self._rows = first, 0
            groups, column = list(range(group, self._file.num_row_groups)), _image_column(self._file, self._name)
            self._batches = self._file.iter_batches(_ROWS, row_groups=groups, columns=[column])
        while row >= self._first + self._rows:
            batch = next(self._batches)
            self._first, self._rows = self._first + self._rows, batch.num_rows
            self._column = batch.column(0)


def _group_of(file: Any, row: int) -> tuple[int, int]:
    """The row group that holds ``row``, and its first row."""
    first = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < first + rows:
            return group, first
        first += rows
    raise IndexError(f"there are {first} rows")


def _open(name: str) -> Any:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        # Buffered: a row group's pictures are not read all at once.
        return ParquetFile(open_binary(name), buffer_size=1 << 20, pre_buffer=False)
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read as Parquet ({reason}): download it again") from None


def _image_column(file: Any, name: str) -> str:
    from pyarrow import types

    schema = file.schema_arrow
    pictures = [
        one.name for one in schema
        if types.is_binary(one.type) or types.is_large_binary(one.type)
        or (types.is_struct(one.type) and any(inner.name == "bytes" for inner in one.type))
    ]  # fmt: skip
    named = [one for one in _IMAGE_COLUMNS if one in pictures] or (pictures if len(pictures) == 1 else [])
    if not named:
        found = ", ".join(f"{one.name} ({one.type})" for one in schema)
        raise DataError(
            f"{name} has no column of encoded pictures: its columns are {found}; expected one of type binary, "
            f"called {' or '.join(_IMAGE_COLUMNS[:2])}"
        )
    return named[0]


def _listed(name: str, labels: Sequence[str] | None) -> Iterator[Entry]:
    file = _open(name)
    _image_column(file, name)
    there = set(file.schema_arrow.names)
    key, given = (next((one for one in names if one in there), None) for names in (_KEY_COLUMNS, _CLASS_COLUMNS))
    names = _names_of_numbers(file, given) or labels
    columns = [one for one in (key, given) if one is not None]
    row = 0
    if not columns:
        yield from (Entry(f"{shown(name)}#{row}", name, row) for row in range(file.metadata.num_rows))
        return
    for batch in file.iter_batches(_LISTED_ROWS, columns=columns):
        rows = batch.to_pylist()
        for one in rows:
            text = one[key] if key is not None and one[key] is not None else f"{shown(name)}#{row}"
            yield Entry(str(text), name, row, truth=named_class(one[given], names) if given else None)
            row += 1


def _names_of_numbers(file: Any, column: str | None) -> list[str] | None:
    """The class names that Hugging Face writes beside a column of numbers."""
    text = (file.schema_arrow.metadata or {}).get(b"huggingface")
    try:
        return None if text is None else list(json.loads(text)["info"]["features"][column]["names"])
    except (KeyError, TypeError, ValueError):
        return None
