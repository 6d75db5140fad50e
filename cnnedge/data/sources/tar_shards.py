"""WebDataset shards: ``.tar`` archives of pictures, each beside a ``.cls`` with its class if that is known."""

import tarfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import PurePosixPath

from cnnedge.data.class_folders import shown
from cnnedge.data.sources.entry import Entry, class_of, named_class
from cnnedge.data.sources.remote import Ranges, open_binary
from cnnedge.errors import DataError
from cnnedge.images.folders import LeftOut
from cnnedge.images.kinds import is_passed_over, is_picture_name

_CLASS_SUFFIX = ".cls"
# A class's name or number; more is none.
_MOST_CLASS_BYTES = 1000
# An archive ends with blocks of zeros.
_BLOCK = 512


class TarShards:
    """The pictures of ``shards``, in their order; a picture's key is the archive and its name in it."""

    may_repeat = True

    def __init__(self, shards: Sequence[str]) -> None:
        self._shards = shards
        self._ranges = Ranges()

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry | LeftOut]:
        for shard in self._shards:
            yield from _in_archive(shard, labels)

    def encoded(self, entry: Entry) -> bytes:
        return self._ranges.read(entry.file, entry.offset, entry.size)


def _in_archive(shard: str, labels: Sequence[str] | None) -> Iterator[Entry | LeftOut]:
    count = 0
    try:
        with open_binary(shard) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for _, members in groupby(_files(archive), key=lambda member: _stem(member.name)):
                group = list(members)
                given = next((_text(archive, one) for one in group if one.name.endswith(_CLASS_SUFFIX)), None)
                for one in filter(lambda member: is_picture_name(member.name), group):
                    count += 1
                    truth = named_class(given, labels) or class_of(one.name, labels)
                    yield Entry(f"{shown(shard)}/{shown(one.name)}", shard, one.offset_data, one.size, truth)
            stream.seek(archive.offset)
            if stream.read(_BLOCK) != bytes(_BLOCK):  # tarfile takes a cut header for the end
                raise tarfile.ReadError("the mark of its end is missing")
    except OSError as error:
        raise DataError(f"{shard} cannot be read ({error.strerror or error})") from None
    except tarfile.TarError as error:
        if not count:
            raise DataError(f"{shard} is no plain tar archive ({error}): unpack or decompress it first") from None
        yield LeftOut(shard, f"{error}: this archive is cut short after {count:,} pictures")


def _files(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined] # which would keep all of a shard's names
        if member.isfile() and not any(map(is_passed_over, PurePosixPath(member.name).parts)):
            yield member


def _stem(name: str) -> str:
    """What the files of one sample share: all up to the first dot of the last part."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    stream = archive.extractfile(member)
    return "" if stream is None else stream.read(_MOST_CLASS_BYTES).decode("utf-8", "replace").strip()
