"""How people lay out labelled pictures: all classes in one folder, or parts with classes in each."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.class_folders import pictures_in, sub_folders
from cnnedge.errors import DataError

# Names in Keras's and torchvision's guides (train, validation, val, test), Roboflow's (valid), Kaggle's (Training,
# Testing); upper and lower case are the same.
PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """Where the class folders of each part lie; ``test`` None: a part of train is to be set aside."""

    train: Path | None
    validation: Path | None = None
    test: Path | None = None


def find_layout(folder: Path, test: Path | None = None) -> Layout:
    """The parts of ``folder``, whatever case their names have; ``test``, if given, is used instead of its own.

    Without a test folder, the validation folder is for test: what a model was trained on can never be what it is
    tested on, and validation pictures are held out of train as ever.

    Raises:
        DataError: two folders are the same part.
    """
    root = _unwrapped(folder)
    parts = _parts(root)
    if test is not None:
        if "test" in parts:
            _log.warning("%s is not used: %s was given for test", parts["test"], test)
        parts["test"] = _parts(test).get("test", test)
        train = parts.get("train", None if "validation" in parts else root)
        return Layout(train, parts.get("validation"), parts["test"])
    if not parts:
        return Layout(root)
    if "test" not in parts and "validation" in parts:
        _log.warning("%s: there is no test folder, so %s is used for test", root, parts["validation"])
        parts["test"] = parts.pop("validation")
    elif "validation" in parts:
        _log.warning("%s: the pictures of %s are for validation", root, parts["validation"])
    return Layout(parts.get("train"), parts.get("validation"), parts.get("test"))


def _part_of(name: str) -> str | None:
    """The part that a folder of this name holds: ``Valid``, and ``seg_train`` or ``test-set``, as Kaggle's are called,
    whose words are one part's; None where it names none."""
    words = [name.lower(), *re.split("[^a-z]+", name.lower())]
    found = {PARTS[word] for word in words if word in PARTS}
    return found.pop() if len(found) == 1 else None


def _parts(root: Path) -> dict[str, Path]:
    """The folders of ``root`` that are parts, by part."""
    found: dict[str, Path] = {}
    named = _named_parts(root)
    for path in named:
        part = str(_part_of(path.name))
        if part in found:
            raise DataError(f"{found[part]} and {path} are both for {part}: put them into one folder")
        found[part] = _innermost(path)
    others = [path.name for path in sorted(sub_folders(root)) if path not in named]
    if found and others:
        _log.warning("%s: %s is used; not used are the folders %s", root, ", ".join(sorted(found)), ", ".join(others))
    return found


def _named_parts(root: Path) -> list[Path]:
    """The folders of ``root`` that are parts and have classes in them; a class may be called train, or train_station
    where nothing else is a part."""
    named = [path for path in sorted(sub_folders(root)) if _part_of(path.name) and sub_folders(path)]
    several = len({_part_of(path.name) for path in named}) > 1
    return [path for path in named if several or path.name.lower() in PARTS]


def _innermost(part: Path) -> Path:
    """The folder with the classes of a part, in folders that hold nothing else: ``seg_train/seg_train``."""
    while len(inner := sub_folders(part)) == 1 and sub_folders(inner[0]) and not pictures_in(part):
        part = inner[0]
    return part


def _unwrapped(folder: Path) -> Path:
    """What downloads are packed in: a folder that holds nothing but one folder with folders in it."""
    while not pictures_in(folder):
        inner = sub_folders(folder)
        if len(inner) != 1 or inner[0].name.lower() in PARTS or not sub_folders(inner[0]) or pictures_in(inner[0]):
            return folder
        folder = inner[0]
    return folder
