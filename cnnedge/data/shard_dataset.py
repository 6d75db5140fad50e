"""Shards, lists and arrays as the parts of a dataset: ``.tar``, Parquet, ``.npz``, a text with a path a line."""

import io
import logging
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath

from cnnedge.data.folder_dataset import FolderOptions, FolderParts, assemble, same_classes
from cnnedge.data.layout import PARTS
from cnnedge.data.sources import Entry, Source, is_shard, open_source
from cnnedge.data.sources.parquet_rows import ParquetRows
from cnnedge.data.sources.tar_shards import TarShards
from cnnedge.data.zipped import made_once
from cnnedge.errors import DataError, UsageError
from cnnedge.images.folders import LeftOut
from cnnedge.progress import Progress, silent

_LISTS = (".txt", ".tsv", ".lst")
# By part and class.
_Listed = dict[str, dict[str, list[Entry]]]
_log = logging.getLogger(__name__)


def is_sharded(text: str) -> bool:
    """Whether ``text`` names shards, by path or pattern, or a list of pictures."""
    return is_shard(text) or (Path(text).suffix.lower() in _LISTS and Path(text).is_file())


def read_shards(
    text: str, image_shape: tuple[int, int, int], *, seed: int, options: FolderOptions, progress: Progress = silent
) -> FolderParts:
    """The parts of what ``text`` names; the arguments and what is raised are those of ``read_folder``.

    A picture belongs to the part that a folder on its way, or a word of its shard's name, says (``train/cat/1.jpg``,
    ``test-00000.parquet``), and to train where none does. Its class is what the source says, see ``Source``.
    """
    if options.test is not None:
        raise UsageError("--test goes with a folder of pictures: name a shard or a folder in it test instead")
    source = _seekable(open_source(text), progress)
    listed = _listed(source, text, progress)
    same_classes(text, {part: tuple(classes) for part, classes in listed.items()})
    return assemble(
        Path(text), listed, image_shape, seed=seed, options=options, encoded=source.encoded, progress=progress
    )


def _listed(source: Source, text: str, progress: Progress) -> _Listed:
    found: _Listed = defaultdict(lambda: defaultdict(list))
    count = 0
    for entry in source.entries(None):
        if isinstance(entry, LeftOut):
            _log.warning("%s: %s", entry.path, entry.reason)
            continue
        if entry.truth is None:
            raise DataError(f"{entry.key} has no class: expected a folder of that name, a .cls file or a column label")
        found[_part(entry, text)][entry.truth].append(entry)
        count += 1
        progress("list pictures", count, 0)
    if not found:
        raise DataError(f"{text} holds no pictures")
    parts: _Listed = {
        part: dict(sorted(found[part].items())) for part in ("train", "validation", "test") if part in found
    }
    if "test" not in parts and "validation" in parts:  # as for folders, see layout.find_layout
        parts["test"] = parts.pop("validation")
    if any(len(classes) < 2 for classes in parts.values()):
        raise DataError(f"{text} holds one class, {next(iter(next(iter(parts.values()))))}, expected at least two")
    return parts


def _part(entry: Entry, text: str) -> str:
    """What the way from the shard, or from the list's folder, to the picture says."""
    start = Path(entry.file if is_shard(entry.file) else text).parent
    way = PurePath(entry.key.removeprefix(f"{start}/")).parts[:-1]
    words = [*way, *(re.split("[^a-z]+", way[0].lower()) if way and is_shard(way[0]) else ())]
    if "#" in entry.key:  # a row of a Parquet file without keys
        words += re.split("[^a-z]+", PurePath(entry.file).name.lower())
    return next((PARTS[word.lower()] for word in words if word.lower() in PARTS), "train")


def _seekable(source: Source, progress: Progress) -> Source:
    """Parquet gives its rows forwards alone, and a training takes them in any order: it is repacked once, as .tar."""
    if not isinstance(source, ParquetRows):
        return source
    folders = [made_once(Path(name), partial(_repack, name, progress)) for name in source.files]
    return TarShards([str(shard) for folder in folders for shard in folder.iterdir()])


def _repack(name: str, progress: Progress, folder: Path) -> None:
    folder.mkdir(parents=True)
    source = ParquetRows([name])
    with tarfile.open(folder / f"{Path(name).stem}.tar", "w") as archive:
        for row, entry in enumerate(source.entries(None)):
            for suffix, content in _sample(source, entry):
                member = tarfile.TarInfo(f"{row:09d}{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            progress("repack pictures", row + 1, 0)


def _sample(source: Source, entry: Entry) -> Iterator[tuple[str, bytes]]:
    content = source.encoded(entry)
    if isinstance(content, bytes):
        yield ".jpg", content  # whatever it is: decoding looks at the content
    if entry.truth is not None:
        yield ".cls", entry.truth.encode()
