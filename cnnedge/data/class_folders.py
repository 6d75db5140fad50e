"""A folder of images as a dataset: ``<folder>/<class>/<image>``, or that below ``train`` and ``test``."""

import logging
from pathlib import Path

import numpy as np

from cnnedge.data.array_split import ArraySplit
from cnnedge.data.splits import Split, occurs_once
from cnnedge.errors import DataError
from cnnedge.images.decode import decode
from cnnedge.images.kinds import SUFFIXES, is_picture_name
from cnnedge.progress import Progress, silent

# A folder without a test split gives a fifth of each class to it: one image of five.
TEST_PART = 0.2
MIN_PER_CLASS = 5
_log = logging.getLogger(__name__)


def read_folder(
    folder: Path, image_shape: tuple[int, int, int], *, seed: int, progress: Progress = silent
) -> tuple[tuple[str, ...], Split, Split]:
    """Decode every image and return the labels, the training images and the test images.

    The labels are the sorted names of the sub-folders. If ``folder`` holds both ``train`` and ``test``,
    these are the splits; otherwise ``seed`` chooses a fifth of each class for test, among the images that
    occur once. Files without an image's suffix are left out with a warning; names that begin with a dot are
    passed over.

    Raises:
        DataError: no images, fewer than two classes, an empty class, too few images to split, or other
            classes in ``test`` than in ``train``.
        ImageError: an image cannot be decoded; the message names it.
    """
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        train_files, test_files = _list_classes(folder / "train"), _list_classes(folder / "test")
        if list(train_files) != list(test_files):
            difference = ", ".join(sorted(set(train_files) ^ set(test_files)))
            raise DataError(f"{folder}: train and test do not hold the same classes, see {difference}")
        training = _decode(train_files, image_shape, progress)
        return tuple(train_files), training, _decode(test_files, image_shape, progress)
    files = _list_classes(folder)
    labels = tuple(files)
    return labels, *_split(_decode(files, image_shape, progress), labels, seed)


def _list_classes(folder: Path) -> dict[str, list[Path]]:
    """The image files of every class, sorted."""
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    classes = {path.name: _list_images(path) for path in subfolders}
    if not any(classes.values()):
        raise DataError(f"{folder} holds no images, expected {folder}/<class>/<image> ({', '.join(sorted(SUFFIXES))})")
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise DataError(f"{folder / empty[0]} holds no images: add some or remove the folder")
    if len(classes) == 1:
        raise DataError(f"{folder} holds one class, {next(iter(classes))}, expected at least two sub-folders")
    return classes


def _list_images(folder: Path) -> list[Path]:
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    images = [path for path in entries if is_picture_name(path.name)]
    others = [path for path in entries if path not in images]
    if others:
        _log.warning("%s: %d entries are no image files and are left out: %s", folder, len(others), others[0].name)
    return images


def _decode(classes: dict[str, list[Path]], shape: tuple[int, int, int], progress: Progress) -> Split:
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(files) for files in classes.values()])
    images = np.empty((len(labels), *shape), np.uint8)
    for index, path in enumerate(path for files in classes.values() for path in files):
        images[index] = decode(path, shape)
        progress("decode images", index + 1, len(images))
    return ArraySplit(images, labels)


def _split(images: Split, labels: tuple[str, ...], seed: int) -> tuple[Split, Split]:
    """Give a fifth of each class to test."""
    random = np.random.default_rng(seed)
    unique = occurs_once(images.hashes())
    chosen = []
    for label, name in enumerate(labels):
        candidates = np.flatnonzero(unique & (images.labels == label))
        if len(candidates) < MIN_PER_CLASS:
            raise DataError(
                f"class {name} has {len(candidates)} different images, expected at least {MIN_PER_CLASS}: "
                "add some, or sort the images into train/ and test/ yourself"
            )
        chosen.append(random.permutation(candidates)[: round(len(candidates) * TEST_PART)])
    test = np.sort(np.concatenate(chosen))
    return images.take(np.setdiff1d(np.arange(len(images)), test)), images.take(test)
