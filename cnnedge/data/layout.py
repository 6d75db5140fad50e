"""How people lay out labelled pictures: all classes in one folder, or parts with classes in each."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.class_folders import label_of, pictures_in, sub_folders
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


def check_names(folder: Path) -> None:
    """Refuse classes that no label can name: a glance at folders alone, before anything else is read or loaded.

    Raises:
        DataError: names the folder.
    """
    root = _unwrapped(folder)
    within = sub_folders(root)
    parts = [path for path in within if path.name.lower() in PARTS and sub_folders(path)]
    for path in [inner for part in parts for inner in sub_folders(part)] if parts else within:
        label_of(path)


def _parts(root: Path) -> dict[str, Path]:
    """The folders of ``root`` that are parts and have classes in them; a class may be called train."""
    found: dict[str, Path] = {}
    for path in sorted(sub_folders(root)):
        part = PARTS.get(path.name.lower())
        if part is None or not sub_folders(path):
            continue
        if part in found:
            raise DataError(f"{found[part]} and {path} are both for {part}: put them into one folder")
        found[part] = path
    others = [path.name for path in sorted(sub_folders(root)) if path not in found.values()]
    if found and others:
        _log.warning("%s: %s is used; not used are the folders %s", root, ", ".join(sorted(found)), ", ".join(others))
    return found


def _unwrapped(folder: Path) -> Path:
    """What downloads are packed in: a folder that holds nothing but one folder with folders in it."""
    while not pictures_in(folder):
        inner = sub_folders(folder)
        if len(inner) != 1 or inner[0].name.lower() in PARTS or not sub_folders(inner[0]) or pictures_in(inner[0]):
            return folder
        folder = inner[0]
    return folder
