"""``.npz`` files of pixels as Keras's datasets and NumPy's users have them: ``x_train``, ``y_train``, ``x_test``, ...

The arrays are unpacked once, into the data folder, and mapped from there: memory does not grow with them.
"""

import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cnnedge.data.class_folders import shown
from cnnedge.data.sources.entry import Entry, named_class
from cnnedge.data.zipped import MAX_UNPACKED, made_once
from cnnedge.errors import DataError

# Names of the pixels and of the classes of each part.
_PAIRS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels"), ("x", "y")),
    "validation": (("x_val", "y_val"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}


class NpzArrays:
    """The pictures of ``files``: uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3), and whole numbers (N,) for classes."""

    may_repeat = False

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._arrays: dict[tuple[str, str], np.ndarray] = {}
        self._lock = threading.Lock()

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry]:
        for name in self._files:
            parts = [part for part in _PAIRS if self._pair(name, part)]
            if not parts:
                raise DataError(f"{name} has none of the arrays {', '.join(pair[0][0] for pair in _PAIRS.values())}")
            for part in parts:
                yield from self._part(name, part, labels)

    def encoded(self, entry: Entry) -> np.ndarray:
        part = entry.key.rpartition("/")[0].rpartition("/")[2]
        images, _ = self._pair(entry.file, part) or ("", "")
        return np.asarray(self._array(entry.file, images)[entry.offset])

    def _part(self, name: str, part: str, labels: Sequence[str] | None) -> Iterator[Entry]:
        images, classes = (self._array(name, array) for array in self._pair(name, part) or ("", ""))
        classes = classes.reshape(-1)  # Keras's CIFAR-10 has them as (N, 1)
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) != len(classes):
            raise DataError(
                f"{name}: {part} has {images.dtype} {images.shape} and {classes.shape} classes, expected uint8 "
                "(N, H, W) or (N, H, W, 1 or 3), pixels 0..255, and as many classes"
            )
        for row in range(len(images)):
            yield Entry(f"{shown(name)}/{part}/{row}", name, row, truth=named_class(classes[row], labels))

    def _pair(self, name: str, part: str) -> tuple[str, str] | None:
        there = {path.stem for path in self._folder(name).iterdir()}
        return next((pair for pair in _PAIRS[part] if set(pair) <= there), None)

    def _array(self, name: str, array: str) -> np.ndarray:
        with self._lock:
            if (name, array) not in self._arrays:
                path = self._folder(name) / f"{array}.npy"
                try:
                    self._arrays[name, array] = np.load(path, mmap_mode="r", allow_pickle=False)
                except (OSError, ValueError) as error:
                    raise DataError(f"{name}: {array} cannot be read ({error})") from None
            return self._arrays[name, array]

    def _folder(self, name: str) -> Path:
        try:
            return made_once(Path(name), lambda folder: _unpack(name, folder))
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{name} is no .npz file ({error}): download it again") from None


def _unpack(name: str, folder: Path) -> None:
    known = {array for pairs in _PAIRS.values() for pair in pairs for array in pair}
    folder.mkdir(parents=True)
    with zipfile.ZipFile(name) as archive:
        members = [one for one in archive.infolist() if one.filename.removesuffix(".npy") in known]
        if sum(one.file_size for one in members) > min(MAX_UNPACKED, shutil.disk_usage(folder).free):
            raise DataError(f"{name} unpacks into more than {folder.parent} has free: make room, or set CNNEDGE_DATA")
        for member in members:
            with archive.open(member) as packed, (folder / member.filename).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
