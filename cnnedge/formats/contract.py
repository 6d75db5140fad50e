"""What the classes of a model file are called, and what it is fed: by its passport, else by its TFLite metadata.

A file that has neither is called by numbers and fed raw pixels.
"""

from dataclasses import dataclass

from cnnedge.errors import ModelError
from cnnedge.formats import model_file
from cnnedge.formats.model_file import ModelFile
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.passport import Passport


@dataclass(frozen=True)
class Labels:
    """``names[i]`` is class ``i``. ``remark`` says in a sentence what was guessed; None for a file with a passport."""

    names: tuple[str, ...]
    remark: str | None


def find_labels(file: ModelFile, passport: Passport | None, classes: int) -> Labels:
    """The labels of a file with ``classes`` outputs; ``passport`` is the one inside it, if it has one.

    Raises:
        ModelError: the passport has another number of labels, or what carries the labels is damaged.
    """
    with model_file.naming(file.name):
        if passport is None:
            names, source = _foreign_labels(file, classes)
            return Labels(names, f"{file.name} is another tool's (no passport): {source}; {_feeding(file)}")
        if len(passport.labels) != classes:
            raise ModelError(f"{len(passport.labels)} labels for {classes} classes, expected one for each")
        return Labels(passport.labels, None)


def _foreign_labels(file: ModelFile, classes: int) -> tuple[tuple[str, ...], str]:
    names = model_file.metadata_labels(file)
    numbers = tuple(str(index) for index in range(classes))
    if names is None:
        return numbers, "its classes are called 0, 1, 2 ..."
    if len(names) != classes:
        return numbers, f"its metadata names {len(names)} of {classes} classes, so they are called 0, 1, 2 ..."
    return names, "its labels are those of its TFLite metadata"


def scaling_of(file: ModelFile, passport: Passport | None) -> Normalization:
    """What to feed a file: pixels as they are, or scaled as the TFLite metadata of another tool's file asks for.

    Raises:
        ModelError: the metadata is damaged, or asks for what cannot be.
    """
    metadata = None if passport else model_file.read_standard_metadata(file)
    if metadata is None or not metadata.scales_pixels:
        return RAW
    try:
        return Normalization(metadata.mean, metadata.std)
    except ValueError as error:
        raise ModelError(f"{file.name}: its TFLite metadata: {error}") from None


def _feeding(file: ModelFile) -> str:
    scaling = scaling_of(file, None)
    if scaling.is_raw:
        return "it is fed raw pixels 0..255"
    mean, std = ("/".join(f"{value:g}" for value in values) for values in (scaling.mean, scaling.std))
    return f"it is fed (pixel - {mean}) / {std}, as its metadata asks"
