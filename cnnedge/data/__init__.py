"""Datasets: published ones by name, and folders of images.

``load("mnist")`` fetches on first use and keeps the decoded arrays; ``load("photos")`` reads
``photos/<class>/*``.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import numpy as np

from cnnedge.data.array_split import ArraySplit
from cnnedge.data.findings import Findings, find
from cnnedge.data.folder_dataset import FolderOptions, FolderParts, check_folder, read_folder
from cnnedge.data.holding_out import hold_out
from cnnedge.data.published.cache import data_folder
from cnnedge.data.published.catalogue import SPECS
from cnnedge.data.published.download import SAMPLE, fetch
from cnnedge.data.published.spec import DatasetSpec
from cnnedge.data.shard_dataset import is_sharded, read_shards
from cnnedge.data.splits import Dataset, Split, evenly_spaced, pixels_of
from cnnedge.data.zipped import is_zip, unpacked
from cnnedge.errors import DataError, UsageError
from cnnedge.names import expected_one_of
from cnnedge.progress import Progress, silent

__all__ = [
    "ArraySplit",
    "Dataset",
    "FolderOptions",
    "Split",
    "check_batch",
    "check_source",
    "evenly_spaced",
    "has_shape",
    "load",
    "look",
    "named",
    "names",
    "pixels_of",
]

FOLDER_IMAGE_SHAPE = (32, 32, 3)


def names() -> list[str]:
    """The published datasets that ``load`` knows."""
    return sorted(SPECS)


def has_shape(name: str, image_shape: tuple[int, ...]) -> bool:
    """Whether ``load`` gives the published dataset ``name`` in (height, width, channels) ``image_shape``: its own, or
    RGB for a grey one."""
    own = SPECS[name].image_shape
    return image_shape in (own, (*own[:2], 3))


def check_source(
    name_or_folder: str | Path,
    image_shape: tuple[int, int, int] | None = None,
    options: FolderOptions = FolderOptions(),  # noqa: B008
    batch: int | None = None,
) -> None:
    """Raise what ``load`` would raise for its arguments and the names of a folder's files, before anything is read.

    ``batch`` is the number of images in a batch, where a network is to be trained on them.

    Raises:
        UsageError: neither a known name nor a folder, or an ``image_shape`` that the dataset does not have.
        DataError: the folder's classes cannot be used, see ``check_folder``; or there are fewer images than a batch.
    """
    _check_name(name_or_folder, image_shape, options, batch)
    if not _is_published(name_or_folder) and Path(name_or_folder).is_dir():
        images = check_folder(Path(name_or_folder), options)
        check_batch(_own_name(name_or_folder), images, batch or 0, "pictures to train on and hold out")


def _is_published(name_or_folder: str | Path) -> TypeGuard[str]:
    return isinstance(name_or_folder, str) and name_or_folder in SPECS


def _check_name(
    name_or_folder: str | Path, image_shape: tuple[int, int, int] | None, options: FolderOptions, batch: int | None
) -> None:
    """``check_source`` without a look into a folder."""
    if _is_published(name_or_folder):
        check_batch(name_or_folder, SPECS[name_or_folder].train_images, batch or 1)
        if image_shape is not None and not has_shape(name_or_folder, image_shape):
            own = SPECS[name_or_folder].image_shape
            raise UsageError(
                f"{name_or_folder} has images of {own}, not {image_shape}: choose data of that shape, or a folder"
            )
        if options.test is not None:
            raise UsageError(f"{name_or_folder} has test images of its own: give --test with --data DIR alone")
    elif not (Path(name_or_folder).is_dir() or is_zip(Path(name_or_folder)) or is_sharded(str(name_or_folder))):
        wanted = expected_one_of(str(name_or_folder), [*names(), "a folder of images", "shards of them"])
        raise UsageError(f"unknown dataset {str(name_or_folder)!r}: {wanted}")


def check_batch(name: str, images: int, batch: int, what: str = "training images") -> None:
    """Raise a DataError if the training ``images`` of the data ``name`` are fewer than a batch."""
    if images < batch:
        raise DataError(
            f"{name} has {images:,} {what}, fewer than a batch of {batch}: "
            f"add --batch-size {max(1, min(32, images // 8))}, or let cnnedge photos choose for so few"
        )


def load(
    name_or_folder: str | Path,
    *,
    seed: int = 0,
    validation: int = 2000,
    calibration: int = 500,
    image_shape: tuple[int, int, int] | None = None,
    folder: FolderOptions = FolderOptions(),  # noqa: B008
    progress: Progress = silent,
) -> Dataset:
    """Load a published dataset, or the images of a folder, in four splits.

    Args:
        name_or_folder: one of ``names()``, or a folder ``<folder>/<class>/<image>`` (see ``layout`` for other
            forms), or a zip of one; or shards of labelled images, see ``shard_dataset.read_shards``. A name wins over
            a folder of the same name; ``./mnist`` and ``Path("mnist")`` are the folder.
        folder: how a folder's pictures are read; a published dataset has no such choice.
        seed: chooses the images of validation and calibration, and of test for a folder that has no ``test``.
        validation, calibration: how many training images to hold out for each, but at most a fifth of them (a
            warning says so); a folder's own validation folder is taken whole. None of these occurs anywhere
            else; see ``holding_out.hold_out``.
        image_shape: (height, width, 1 or 3) to which a folder's images are brought; (32, 32, 3) if not given.
            A published dataset has its own; a grey one is also given as RGB, each value three times.

    Raises:
        UsageError: neither a known name nor a folder, or an ``image_shape`` that the dataset does not have.
        DataError: no source gives the dataset, or the folder's content cannot be used.
        ImageError: an image of the folder cannot be decoded.
    """
    _check_name(name_or_folder, image_shape, folder, None)
    if isinstance(name_or_folder, str) and name_or_folder in SPECS:
        spec = SPECS[name_or_folder]
        shape = image_shape or spec.image_shape
        name, labels, licence = spec.name, spec.labels, spec.licence
        training, test, source = _published(spec, shape, progress)
        own_validation, drawn = None, False
    else:
        name, licence, source = _own_name(name_or_folder), "", "folder"
        shape = image_shape or FOLDER_IMAGE_SHAPE
        found = _read_own(name_or_folder, shape, seed=seed, options=folder, progress=progress)
        labels, training, own_validation, test = found.labels, found.training, found.validation, found.test
        drawn = found.drawn
    if own_validation is None:
        parts = hold_out(training, [test], seed=seed, validation=validation, calibration=calibration)
    else:
        others = [test, own_validation]
        train, _, for_calibration = hold_out(training, others, seed=seed, validation=0, calibration=calibration)
        parts = train, own_validation, for_calibration
    return Dataset(name, labels, *parts, test, source, source == SAMPLE, licence, seed, drawn)


def look(
    name_or_folder: str | Path,
    options: FolderOptions = FolderOptions(),  # noqa: B008
    *,
    image_shape: tuple[int, int, int] = FOLDER_IMAGE_SHAPE,
    progress: Progress = silent,
) -> tuple[Findings, dict[str, Split]]:
    """What the pictures of a published dataset or one's own are like, and the parts (train, validation, test).

    One's own are compared at ``image_shape``.

    Raises:
        UsageError, DataError, ImageError: as ``load``.
    """
    _check_name(name_or_folder, None, options, None)
    if isinstance(name_or_folder, str) and name_or_folder in SPECS:
        spec = SPECS[name_or_folder]
        training, test, _ = _published(spec, spec.image_shape, progress)
        parts: dict[str, Split] = {"train": training, "test": test}
        return find(parts, spec.labels), parts
    found = _read_own(name_or_folder, image_shape, seed=0, options=options, progress=progress)
    own = {"train": found.training, "validation": found.validation, "test": found.test}
    return found.findings, {name: part for name, part in own.items() if part is not None}


def _own_name(source: str | Path) -> str:
    """What a person's own data is called: the folder, or the file without its suffix."""
    path = Path(source)
    return path.resolve().name if path.is_dir() else re.sub(r"[*?\[\]]+", "", path.stem) or path.parent.name


def _read_own(
    source: str | Path, shape: tuple[int, int, int], *, seed: int, options: FolderOptions, progress: Progress
) -> FolderParts:
    path = Path(source)
    if not path.is_dir() and is_sharded(str(source)):
        return read_shards(str(source), shape, seed=seed, options=options, progress=progress)
    folder = path if path.is_dir() else unpacked(path, progress)
    return read_folder(folder, shape, seed=seed, options=options, progress=progress)


def _published(spec: DatasetSpec, shape: tuple[int, int, int], progress: Progress) -> tuple[Split, Split, str]:
    """The training images, the test images and what they came from."""
    arrays, source = fetch(spec, data_folder(), progress)
    # A view: grey repeated as RGB takes no memory until images are taken out of it.
    training, test = (np.broadcast_to(arrays[name], (len(arrays[name]), *shape)) for name in ("x_train", "x_test"))
    return (
        ArraySplit(training, arrays["y_train"].astype(np.int64)),
        ArraySplit(test, arrays["y_test"].astype(np.int64)),
        source,
    )


def named(dataset: Dataset, labels: tuple[str, ...]) -> Dataset:
    """The dataset with other names for its classes, in their order; ``FolderOptions`` has put known names in theirs.

    Raises:
        DataError: there are more or fewer names than classes, the same names in an order that the data cannot take, or
            a class would get the name of another one: of 0..9 and 11, sorted as text, folder 10 would be called 2.
    """
    if len(labels) != len(dataset.labels):
        raise DataError(f"--labels names {len(labels)} classes and {dataset.name} has {len(dataset.labels)}")
    if set(labels) == set(dataset.labels) and labels != dataset.labels:
        raise DataError(f"{dataset.name} has its classes in the order {', '.join(dataset.labels)}: leave --labels out")
    for old, new in zip(dataset.labels, labels, strict=True):
        if new != old and new in dataset.labels:
            lacking = ", ".join(name for name in dataset.labels if name not in labels)
            raise DataError(
                f"--labels names {new}, which {dataset.name} has, but not its {lacking}: give the names of all its "
                "classes, in the order of the outputs, or other names for all"
            )
    return replace(dataset, labels=labels)
