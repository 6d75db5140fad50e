"""What a model's own record says of data: the classes that it answers, and the pictures that it has seen."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import DataError
from cnnedge.files import sha256_of
from cnnedge.manifest import TrainingRecord, read_manifest

if TYPE_CHECKING:
    from cnnedge.data import Dataset


def known_classes(path: Path, record: TrainingRecord | None) -> tuple[str, ...] | None:
    """In the order of the model's outputs; None where neither its record nor the manifest beside it says them.

    Records from before they were kept lack them: then the manifest counts, if it describes this very file.

    Raises:
        DataError: the manifest is damaged.
    """
    if record is None:
        return None
    if record.data.labels:
        return record.data.labels
    manifest = read_manifest(path.parent)
    entry = None if manifest is None else manifest.files.get(path.name)
    return entry.labels if entry and entry.sha256 == sha256_of(path.read_bytes()) else None


def compare_classes(dataset: "Dataset", known: tuple[str, ...] | None, path: Path) -> str | None:
    """Compare the classes of ``dataset`` with those that the model in ``path`` is ``known`` to answer.

    A class or two under another name, all others as they are, is a person's renaming; that is told and taken.

    Returns:
        A sentence where that is so; None where they are the same, or not known.

    Raises:
        DataError: most names are others, or one stands at another's place: it is another model's data.
    """
    if known is None or known == dataset.labels:
        return None
    renamed = [pair for pair in zip(known, dataset.labels, strict=False) if pair[0] != pair[1]]
    moved = {ours for ours, _ in renamed} & set(dataset.labels)
    if len(known) != len(dataset.labels) or moved or 2 * len(renamed) > len(known):
        raise DataError(
            f"{path.name} answers {_listed(known)}; {dataset.name} has {_listed(dataset.labels)}: choose data with its "
            "classes, or name its outputs with --labels if they are these pictures' classes"
        )
    told = ", ".join(f"{ours} where {dataset.name} has {theirs}" for ours, theirs in renamed)
    return f"answers {told}: taken as one class under two names"


def doubt_unseen(dataset: "Dataset", record: TrainingRecord | None) -> str | None:
    """A sentence where the test pictures may be among those that the model learned from; None where they are not.

    A record knows its training pictures by the hash of them all: the same split leaves the same pictures out.
    """
    if not dataset.drawn_test or (record is not None and record.data.train_sha256 == dataset.train.sha256):
        return None
    return (
        f"its {len(dataset.test):,} test pictures were drawn from {dataset.name}: if it learned from them, what is "
        "measured is better than on new ones; --test DIR names pictures that it has not seen"
    )


def _listed(labels: tuple[str, ...], most: int = 10) -> str:
    return ", ".join(labels[:most]) + (f" and {len(labels) - most} more" if len(labels) > most else "")
