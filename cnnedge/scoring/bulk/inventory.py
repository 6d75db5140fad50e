"""The pictures of a labelling, written down before the first is labelled: one row group for each part.

Whatever happens to the source meanwhile, a part stays the same pictures; and nobody holds the whole list in memory.
"""

import contextlib
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.data.sources import Entry, Source
from cnnedge.errors import DataError
from cnnedge.images.folders import LeftOut
from cnnedge.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow

NAME = "_pictures.parquet"
_REPORTED_EVERY = 1000


def write_inventory(
    path: Path, source: Source, labels: Sequence[str] | None, part_rows: int, progress: Progress = silent
) -> list[LeftOut]:
    """List ``source`` into ``path``, in one step; what could not be searched is returned.

    Raises:
        DataError: there are no pictures, or two with one key.
    """
    left_out: list[LeftOut] = []
    keys = array("q") if source.may_repeat else None
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        entries = _listed(source.entries(labels), left_out, keys, progress)
        if not _write(temporary, entries, part_rows):
            raise DataError(f"there are no pictures: {left_out[0].reason}" if left_out else "there are no pictures")
        _refuse_repeated(temporary, keys)
        Path(temporary).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
    return left_out


class Inventory:
    """What ``write_inventory`` wrote, a part at a time."""

    def __init__(self, path: Path) -> None:
        from pyarrow.parquet import ParquetFile

        self._file = ParquetFile(path)
        self.parts = self._file.num_row_groups
        self.pictures = self._file.metadata.num_rows

    def rows(self, part: int) -> int:
        return self._file.metadata.row_group(part).num_rows

    def read(self, part: int) -> list[Entry]:
        columns = self._file.read_row_group(part).to_pydict()
        files = map(os.fsdecode, columns["file"])
        others = (columns[name] for name in ("offset", "size", "truth"))
        return [Entry(*values) for values in zip(columns["key"], files, *others, strict=True)]


def _schema() -> "pyarrow.Schema":
    import pyarrow as pa

    return pa.schema({
        "key": pa.string(), "file": pa.binary(), "offset": pa.int64(), "size": pa.int64(), "truth": pa.string(),
    })  # fmt: skip


def _listed(
    found: Iterable[Entry | LeftOut], left_out: list[LeftOut], keys: "array[int] | None", progress: Progress
) -> Iterator[Entry]:
    count = 0
    for entry in found:
        if isinstance(entry, LeftOut):
            left_out.append(entry)
            continue
        count += 1
        if keys is not None:
            keys.append(hash(entry.key))
        if count % _REPORTED_EVERY == 0:
            progress("list pictures", count, 0)
        yield entry


def _write(path: str, entries: Iterator[Entry], part_rows: int) -> int:
    """One row group for each ``part_rows`` entries; how many entries there were."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema, count = _schema(), 0
    with ParquetWriter(path, schema, compression="zstd", use_dictionary=["file", "truth"]) as writer:
        for block in _blocks(entries, part_rows):
            columns: dict[str, Any] = dict(zip(schema.names, zip(*block, strict=True), strict=True))
            columns["file"] = [os.fsencode(name) for name in columns["file"]]
            writer.write_table(pa.table(columns, schema), row_group_size=part_rows)
            count += len(block)
    return count


def _blocks(entries: Iterator[Entry], size: int) -> Iterator[list[Entry]]:
    block: list[Entry] = []
    for entry in entries:
        block.append(entry)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _refuse_repeated(path: str, hashes: "array[int] | None") -> None:
    """Eight bytes a picture tell whether two may have one key; only then the keys themselves are compared.

    Raises:
        DataError: two pictures have the same key.
    """
    ordered = np.sort(np.frombuffer(hashes, np.int64)) if hashes else np.empty(0, np.int64)
    suspects = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    seen: set[str] = set()
    inventory = Inventory(Path(path)) if suspects else None
    for part in range(inventory.parts if inventory else 0):
        for entry in inventory.read(part) if inventory else []:
            if entry.key in seen:
                raise DataError(f"{entry.key} is named twice, and every picture is labelled once: remove one of them")
            if hash(entry.key) in suspects:
                seen.add(entry.key)
