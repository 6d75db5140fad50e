"""A file's classes and the data's: matched by name, refused where they are others, and said where nobody names them."""

from collections.abc import Sequence

from cnnedge.benchmark.measurement import Measurement
from cnnedge.documents import Data
from cnnedge.manifest import FOLDER


def match_classes(measurements: Sequence[Measurement], labels: Sequence[str]) -> None:
    """Note for every file that names its classes which output is which of ``labels``.

    A file made for other classes would be measured against the wrong answers; it fails instead.
    """
    for measurement in measurements:
        own = measurement.candidate.labels
        if own is None or tuple(own) == tuple(labels):
            continue
        if sorted(own) == sorted(labels):
            measurement.columns = [own.index(label) for label in labels]
        else:
            measurement.failure = f"its classes are {', '.join(own)}; the data's are {', '.join(labels)}"


def class_notes(measurements: Sequence[Measurement], data: Data) -> list[str]:
    """Which files name their classes in another order, and which do not name them where folders do."""
    found = []
    other = [one.candidate.label for one in measurements if one.columns is not None]
    if other:
        found.append(
            f"Classes matched by name: {', '.join(other)} names them in another order than the data "
            f"({', '.join(data.labels)})."
        )
    exported = [one.candidate for one in measurements if one.candidate.format != "keras" and one.failure is None]
    nameless = [candidate.label for candidate in exported if candidate.labels is None]
    if nameless and data.source == FOLDER:
        found.append(
            f"{', '.join(nameless)} does not name its classes: they were taken in the order of the folders, "
            f"{', '.join(data.labels)} (--labels gives another order)."
        )
    return found
