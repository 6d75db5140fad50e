"""Many pictures from wherever they lie: a folder, a pattern, a text list, ``.tar`` shards, Parquet, an address.

All of them are streams of entries: what is listed is not held in memory.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from cnnedge.data.sources import plain_files
from cnnedge.data.sources.entry import WHOLE, Entry, Source, class_of
from cnnedge.data.sources.npz_arrays import NpzArrays
from cnnedge.data.sources.parquet_rows import ParquetRows
from cnnedge.data.sources.remote import files_at, is_address, require_pyarrow
from cnnedge.data.sources.synthetic import PREFIX, Synthetic
from cnnedge.data.sources.tar_shards import TarShards
from cnnedge.errors import DataError
from cnnedge.images.folders import files_below
from cnnedge.images.kinds import is_picture_name

__all__ = ["WHOLE", "Entry", "Source", "class_of", "is_shard", "open_source", "require_pyarrow"]

_SHARDS: dict[str, Callable[[Sequence[str]], Source]] = {".tar": TarShards, ".parquet": ParquetRows, ".npz": NpzArrays}


def is_shard(text: str) -> bool:
    """Whether ``text`` is the path or pattern of ``.tar``, ``.parquet`` or ``.npz`` files, by its suffix."""
    return Path(text).suffix.lower() in _SHARDS


def open_source(text: str) -> Source:
    """The source that ``text`` names.

    A folder of pictures, or of ``.tar`` or ``.parquet`` shards and nothing else; a pattern (``photos/**/*.jpg``,
    ``shards-*.tar``); a ``.tar``, a ``.parquet``, one picture; any other file is a text with a path a line;
    ``synthetic:N``; or the address of one of these.

    Raises:
        DataError: there is nothing of that name, or a folder holds no pictures.
        UsageError: ``synthetic:`` without a number.
        MissingPackageError: an address or Parquet without pyarrow.
    """
    if text.startswith(PREFIX):
        return Synthetic.parse(text)
    if is_address(text):
        return _at_address(text)
    path = Path(text)
    if path.is_dir():
        return _in_folder(text)
    if path.exists():
        return _of_file(text)
    if any(sign in text for sign in "*?["):
        return _matching(text)
    raise DataError(f"{text} does not exist: expected a folder, a pattern, a list, .tar or .parquet files")


def _of_file(text: str) -> Source:
    kind = _SHARDS.get(Path(text).suffix.lower())
    if kind is not None:
        return kind([text])
    if is_picture_name(text):
        return plain_files.PlainFiles(lambda: [(text, None)], may_repeat=False)
    return plain_files.text_list(text)


def _matching(text: str) -> Source:
    suffix = Path(text).suffix.lower()
    if suffix in _SHARDS:
        shards = sorted(plain_files.matches(text))  # as many as there are archives, not pictures
        if shards:
            return _SHARDS[suffix](shards)
    elif any(map(is_picture_name, plain_files.matches(text))):
        return plain_files.pattern(text)
    raise DataError(f"{text}: matches no picture and no shard")


def _in_folder(text: str) -> Source:
    found = next(
        (one for one in files_below(text, in_order=False) if isinstance(one, str) and is_picture_name(one)), None
    )
    if found is not None:
        return plain_files.folder(text)
    for suffix, kind in _SHARDS.items():
        shards = sorted(str(one) for one in Path(text).rglob(f"*{suffix}"))
        if shards:
            return kind(shards)
    raise DataError(f"{text}: no pictures in this folder, nor {' or '.join(_SHARDS)} files")


def _at_address(text: str) -> Source:
    suffix = Path(text).suffix.lower()
    if suffix in _SHARDS:
        return _SHARDS[suffix]([text])
    first = next(files_at(text), None)
    if first is None:
        raise DataError(f"{text}: there are no files at this address")
    kind = _SHARDS.get(Path(first).suffix.lower())
    if kind is not None:
        return kind([one for one in files_at(text) if one.endswith(Path(first).suffix)])
    return plain_files.address(text)
