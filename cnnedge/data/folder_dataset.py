"""A folder of pictures as the parts of a dataset: every file decoded once, what is wrong with them found and said."""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from cnnedge.data.class_folders import ClassFiles, list_classes, shown
from cnnedge.data.findings import Findings, find
from cnnedge.data.folder_split import FolderSplit, PictureFiles
from cnnedge.data.layout import find_layout
from cnnedge.data.published.cache import data_folder
from cnnedge.data.sources.entry import Encoded, Entry
from cnnedge.data.splits import Split, occurs_once
from cnnedge.errors import DataError, ImageError, UsageError
from cnnedge.files import write_atomically
from cnnedge.progress import Progress, silent

# A folder without a test split gives a fifth of each class to it: one image of five.
TEST_PART = 0.2
MIN_PER_CLASS = 5
# Of thousands of downloaded pictures a few are always damaged; more than one in a hundred is another fault.
MAX_BAD = 0.01
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FolderOptions:
    """``labels``: the classes in the order of a file's outputs; a folder with just these classes takes that order, and
    another one the order of its names as text. ``test``: class folders to test on, instead of the folder's own.
    ``max_bad``: the part 0..1 of the pictures that may be unreadable and are then left out; one may be, unless it
    is 0."""

    labels: Sequence[str] | None = None
    test: Path | None = None
    max_bad: float = MAX_BAD

    def __post_init__(self) -> None:
        if not 0 <= self.max_bad < 1:
            raise ValueError(f"max_bad is {self.max_bad}, expected at least 0 and below 1")
        if self.test is not None and not self.test.is_dir():
            raise UsageError(f"{self.test} is no folder: expected the test pictures as {self.test}/<class>/<image>")


@dataclass(frozen=True)
class FolderParts:
    """What a folder holds; ``validation`` is None where it is still to be held out of ``training``; ``drawn`` says that
    the test pictures were, because the folder has none of its own."""

    labels: tuple[str, ...]
    training: Split
    validation: Split | None
    test: Split
    findings: Findings
    drawn: bool = False


def read_folder(
    folder: Path, image_shape: tuple[int, int, int], *, seed: int, options: FolderOptions, progress: Progress = silent
) -> FolderParts:
    """Decode every picture once and return the parts.

    Where there is neither a test nor a validation folder, ``seed`` chooses a fifth of each class for test, among the
    images that occur once.

    Raises:
        DataError: see ``list_classes``; parts with different classes, or too few images to split.
        ImageError: more pictures than allowed cannot be decoded; the message counts and names them.
    """
    listed = {
        name: {label: [Entry(path, path) for path in paths] for label, paths in part.pictures.items()}
        for name, part in _listed(folder, options).items()
    }
    return assemble(folder, listed, image_shape, seed=seed, options=options, progress=progress)


def check_folder(folder: Path, options: FolderOptions) -> int:
    """Raise what ``read_folder`` would raise of the files' names alone; how many pictures there are to learn from.

    What a person should know of them is left for ``read_folder`` to say.

    Raises:
        DataError: see ``list_classes``; parts with different classes, or a class with too few pictures to split.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        found = _listed(folder, options)
    finally:
        logging.disable(before)
    pictures = {} if "train" not in found else found["train"].pictures
    if "test" not in found:
        for name, files in pictures.items():
            _refuse_few(name, len(files), "images")
    return sum(map(len, pictures.values()))


def _listed(folder: Path, options: FolderOptions) -> dict[str, ClassFiles]:
    """The files of each part."""
    layout = find_layout(folder, options.test)
    roots = {name: getattr(layout, name) for name in ("train", "validation", "test")}
    found = {name: list_classes(root) for name, root in roots.items() if root is not None}
    same_classes(folder, {part.folder.name: part.names for part in found.values()})
    return found


def assemble(
    source: Path, listed: dict[str, dict[str, list[Entry]]], image_shape: tuple[int, int, int], *, seed: int,
    options: FolderOptions, encoded: Encoded | None = None, progress: Progress = silent,
) -> FolderParts:  # fmt: skip
    """The parts of what was listed: by part (train, validation, test) and class, sorted. See ``read_folder``.

    Raises:
        DataError: too few images to split.
        ImageError: more pictures than allowed cannot be decoded.
    """
    classes = tuple(next(iter(listed.values())))
    parts = _read(listed, image_shape, encoded, progress)
    unreadable = _refuse_bad(source, parts, options.max_bad)
    parts = {name: part.take(_readable(part)) for name, part in parts.items()}
    drawn = "test" not in parts
    if drawn:
        parts["train"], parts["test"] = _split(parts["train"], classes, seed)
    nothing = parts["test"].take([])
    labels = class_order(classes, options.labels)
    parts = {name: _relabelled(part, classes, labels) for name, part in parts.items()}
    looks = {name: part.looks() for name, part in parts.items()}
    findings = find(parts, labels, unreadable, parts["test"].files.sizes(), looks)
    for sentence in findings.warnings():
        _log.warning("%s: %s", source, sentence)
    training = parts.get("train", nothing)
    return FolderParts(labels, training, parts.get("validation"), parts["test"], findings, drawn)


def class_order(classes: tuple[str, ...], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """``classes``, sorted as text, in the order of ``wanted`` if those are the same names; what matters is said."""
    ordered = tuple(unicodedata.normalize("NFC", name) for name in wanted or ())
    if sorted(ordered) == list(classes):
        if ordered != classes:
            _log.warning("the order of the classes is that of the file's labels: %s", ", ".join(ordered))
        return ordered
    if all(name.isdecimal() for name in classes) and sorted(classes, key=int) != list(classes):
        _log.warning(
            "the classes are numbers, sorted as text: %s; a file whose outputs have another order needs --labels",
            ", ".join(classes),
        )
    return classes


def same_classes(source: Path | str, classes: dict[str, tuple[str, ...]]) -> None:
    """Raises:
    DataError: the parts, by name, do not have the same ``classes``.
    """
    (first, expected), *others = classes.items()
    for other, found in others:
        if found != expected:
            difference = ", ".join(sorted(set(expected) ^ set(found)))
            raise DataError(f"{source}: {first} and {other} do not hold the same classes, see {difference}")


def _read(
    listed: dict[str, dict[str, list[Entry]]], shape: tuple[int, int, int], encoded: Encoded | None, progress: Progress
) -> dict[str, FolderSplit]:
    """All parts, from one pass over all files; unreadable ones are still in them."""
    entries = [entry for part in listed.values() for found in part.values() for entry in found]
    pictures = PictureFiles(entries, shape, encoded=encoded)
    pictures.read(progress)
    parts, start = {}, 0
    for name, part in listed.items():
        counts = [len(found) for found in part.values()]
        labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        parts[name] = FolderSplit(pictures, np.arange(start, start + len(labels)), labels)
        start += len(labels)
    return parts


def _readable(part: FolderSplit) -> np.ndarray:
    return np.flatnonzero([place not in part.files.unreadable for place in part.places.tolist()])


def _refuse_bad(folder: Path, parts: dict[str, FolderSplit], max_bad: float) -> list[str]:
    """What is wrong with each unreadable picture; the whole list goes into a file.

    Raises:
        ImageError: there are more than ``max_bad`` of all.
    """
    files = next(iter(parts.values())).files
    reasons = [shown(str(error)) for error in files.unreadable.values()]
    if not reasons:
        return []
    listing = data_folder() / "unreadable" / f"{folder.resolve().name}.txt"
    write_atomically(listing, "".join(f"{reason}\n" for reason in reasons).encode())
    counted = f"{len(reasons):,} of {len(files.entries):,} pictures cannot be read"
    allowed = max(1, max_bad * len(files.entries)) if max_bad else 0
    if len(reasons) > allowed:
        raise ImageError(
            f"{counted}, more than {max_bad:.0%}: {'; '.join(reasons[:3])}{'; ...' if len(reasons) > 3 else ''} "
            f"(all in {listing}): replace or remove them, or allow more with --max-bad"
        )
    _log.warning("%s: %s and are left out: see %s", folder, counted, listing)
    return reasons


def _split(images: FolderSplit, labels: tuple[str, ...], seed: int) -> tuple[FolderSplit, FolderSplit]:
    """Give a fifth of each class to test."""
    random = np.random.default_rng(seed)
    unique = occurs_once(images.hashes())
    chosen = []
    for label, name in enumerate(labels):
        candidates = np.flatnonzero(unique & (images.labels == label))
        _refuse_few(name, len(candidates), "different images")
        chosen.append(random.permutation(candidates)[: round(len(candidates) * TEST_PART)])
    test = np.sort(np.fromiter(chain.from_iterable(chosen), np.int64))
    return images.take(np.setdiff1d(np.arange(len(images)), test)), images.take(test)


def _refuse_few(name: str, count: int, what: str) -> None:
    if count < MIN_PER_CLASS:
        raise DataError(
            f"class {name} has {count} {what}, expected at least {MIN_PER_CLASS}: add some, or sort the images into "
            "train/ and test/ yourself"
        )


def _relabelled(part: FolderSplit, classes: tuple[str, ...], labels: tuple[str, ...]) -> FolderSplit:
    places = np.array([labels.index(name) for name in classes], np.int64)
    return FolderSplit(part.files, part.places, places[part.labels])
