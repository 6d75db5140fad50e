"""Labelled pictures in files and shards: decoded when they are asked for, in threads, in order."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnedge.data.alike import CELLS, thumbnail
from cnnedge.data.ordered import in_order
from cnnedge.data.sources.entry import Encoded, Entry
from cnnedge.data.splits import Indices, is_blank, picture_hash
from cnnedge.errors import ImageError
from cnnedge.images.decode import decode
from cnnedge.images.headers import SAMPLE, size_of
from cnnedge.progress import Progress, silent

# So much of the pixels is kept in memory, of the first pictures: 1,300 at 224 x 224 in colour, 7,200 at 96. TensorFlow
# takes 610 MB, an export at 224 x 224 another 300 for its work, a search over a MobileNetV2 650: all of it is to stay
# within 1.5 GB.
# The first, not the latest: an epoch goes through all of them, and would find the latest replaced.
KEPT_BYTES = 200_000_000
# Pictures decoded before they are asked for; enough that no thread waits for a slow one.
_AHEAD = 64


class PictureFiles:
    """The pictures of ``entries`` as uint8 ``shape`` = (height, width, channels); ``read`` comes first.

    ``encoded`` gives what is to be decoded for an entry, see ``Source``; it is its file if not given.

    ``hashes`` are the SHA-256 of each picture's pixels, empty for one that cannot be decoded; ``unreadable`` says why,
    by index; ``blank`` are the indices of those that are of one colour; ``looks`` the thumbnails, uint8 (N, K).
    """

    def __init__(
        self, entries: Sequence[Entry], shape: tuple[int, int, int], *, encoded: Encoded | None = None,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:  # fmt: skip
        self.entries = entries
        self.shape = shape
        self._encoded = encoded or (lambda entry: entry.file)
        self.hashes: list[bytes] = []
        self.unreadable: dict[int, ImageError] = {}
        self.blank: set[int] = set()
        self.looks = np.zeros((len(entries), CELLS * CELLS + shape[2]), np.uint8)
        kept = min(len(entries), kept_bytes // int(np.prod(shape)))
        self._kept = np.empty((kept, *shape), np.uint8)

    def read(self, progress: Progress = silent) -> None:
        """Decode every picture once: hash all, keep the first, find those that cannot be decoded."""
        for index, found in enumerate(in_order(self._hashed, self.entries, ahead=_AHEAD)):
            if isinstance(found, ImageError):
                self.unreadable[index] = found
                self.hashes.append(b"")
            else:
                pixels, digest, blank, self.looks[index] = found
                self.hashes.append(digest)
                if blank:
                    self.blank.add(index)
                if index < len(self._kept):
                    self._kept[index] = pixels
            progress("decode images", index + 1, len(self.entries))

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """uint8 (n, H, W, C) of the pictures at ``indices``, int64 (n,).

        Raises:
            ImageError: a picture can no longer be read.
        """
        found = np.empty((len(indices), *self.shape), np.uint8)
        kept = indices < len(self._kept)
        found[kept] = self._kept[indices[kept]]
        others = np.flatnonzero(~kept)
        entries = (self.entries[index] for index in indices[others])
        for place, pixels in zip(others, in_order(self._decoded, entries, ahead=_AHEAD), strict=True):
            found[place] = pixels
        return found

    def _decoded(self, entry: Entry) -> np.ndarray:
        try:
            return decode(self._encoded(entry), self.shape)
        except ImageError as error:  # bytes have no name of their own
            raise ImageError(str(error).replace("the image: ", f"{entry.key}: ", 1)) from error
        except OSError as error:
            raise ImageError(f"{entry.key}: {error.strerror or error}") from error

    def sizes(self) -> list[tuple[int, int]]:
        """(width, height) of a sample of the pictures, evenly spaced, by their headers."""
        chosen = np.unique(np.linspace(0, len(self.entries) - 1, min(SAMPLE, len(self.entries))).astype(int))
        found = (size_of(self._encoded(self.entries[index])) for index in chosen if index not in self.unreadable)
        return [size for size in found if size is not None]

    def _hashed(self, entry: Entry) -> tuple[np.ndarray, bytes, bool, np.ndarray] | ImageError:
        try:
            pixels = self._decoded(entry)
        except ImageError as error:
            return error
        return pixels, picture_hash(pixels), is_blank(pixels), thumbnail(pixels)


@dataclass(frozen=True, eq=False)
class FolderSplit:
    """A ``Split`` of the pictures at ``places``, int64 (N,), of ``files``; ``labels`` int64 (N,)."""

    files: PictureFiles
    places: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.files.shape

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for images, _ in self.batches(_AHEAD):
            digest.update(images.data)
        digest.update(np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        blocks = (slice(start, start + size) for start in range(0, len(self), size))
        # The next batch is decoded while this one is used.
        return in_order(lambda block: (self.files.pixels(self.places[block]), self.labels[block]), blocks, ahead=1)

    def pixels(self, indices: Indices) -> np.ndarray:
        return self.files.pixels(self.places[np.asarray(indices, np.int64)])

    def take(self, indices: Indices) -> "FolderSplit":
        chosen = np.asarray(indices, np.int64)
        return FolderSplit(self.files, self.places[chosen], self.labels[chosen])

    def hashes(self) -> list[bytes]:
        return [self.files.hashes[place] for place in self.places]

    def blank(self) -> np.ndarray:
        return np.array([place in self.files.blank for place in self.places.tolist()], bool)

    def looks(self) -> np.ndarray:
        """A thumbnail of each picture: uint8 (N, K), see ``alike.thumbnail``."""
        return self.files.looks[self.places]

    def picture_names(self) -> list[str]:
        """What each picture is called: its path, or its name in its shard."""
        return [self.files.entries[place].key for place in self.places]
