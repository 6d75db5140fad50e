"""What a model file is fed, what its classes are called, and who says so: its passport, its TFLite metadata, nobody."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.images.normalization import RAW, Normalization

if TYPE_CHECKING:
    from cnnedge.formats.tflite.standard_metadata import StandardMetadata
    from cnnedge.passport import Passport


@dataclass(frozen=True)
class Contract:
    """What to feed a file and how to call what comes out.

    Attributes:
        source: who says what to feed: ``passport``, ``metadata`` (standard TFLite) or ``assumed`` (nobody).
        normalization: what it is fed instead of pixels 0..255; RAW where nobody says.
        labels: ``labels[i]`` is class ``i``; None where nobody names them.
    """

    source: str
    normalization: Normalization = RAW
    labels: tuple[str, ...] | None = None

    def names(self, classes: int) -> tuple[str, ...]:
        """What ``classes`` outputs are called: the labels, or numbers if there are none or too few of a foreign file.

        Raises:
            ModelError: the passport has another number of labels.
        """
        if self.labels is not None and len(self.labels) == classes:
            return self.labels
        if self.source == "passport":
            raise ModelError(f"{len(self.labels or ())} labels for {classes} classes, expected one for each")
        return tuple(str(index) for index in range(classes))

    def remark(self, classes: int) -> str | None:
        """What was assumed of a file with ``classes`` outputs, in words; None for a file with a passport."""
        if self.source == "passport":
            return None
        return f"another tool's (no passport): {self._naming(classes)}; {self._feeding()}"

    def _naming(self, classes: int) -> str:
        if self.labels is None:
            return "its classes are called 0, 1, 2 ..."
        if len(self.labels) != classes:
            return f"its metadata names {len(self.labels)} of {classes} classes, so they are called 0, 1, 2 ..."
        return "its labels are those of its TFLite metadata"

    def _feeding(self) -> str:
        if self.normalization.is_raw:
            return "it is fed raw pixels 0..255"
        ends = self.normalization.mean, self.normalization.std
        mean, std = ("/".join(f"{value:g}" for value in values) for values in ends)
        return f"it is fed (pixel - {mean}) / {std}, as its metadata asks"


def contract_of(
    passport: "Passport | None", metadata: "StandardMetadata | None", labels: tuple[str, ...] | None
) -> Contract:
    """The contract of a file with that passport and standard metadata, and the ``labels`` of either.

    Raises:
        ModelError: the metadata asks for what cannot be.
    """
    if passport is not None:
        return Contract("passport", labels=labels)
    if metadata is None or not metadata.scales_pixels:
        return Contract("metadata" if metadata and metadata.mean and metadata.std else "assumed", labels=labels)
    try:
        return Contract("metadata", Normalization(metadata.mean, metadata.std), labels)
    except ValueError as error:
        raise ModelError(f"its TFLite metadata: {error}") from None
