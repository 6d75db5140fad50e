"""What a model file is fed and what comes out, and who says so: its passport, its metadata, the person, or nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError, UsageError
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.passport import Passport

if TYPE_CHECKING:
    from cnnedge.formats.onnx.reader import OnnxModel
    from cnnedge.formats.tflite.reader import TFLiteModel
    from cnnedge.formats.tflite.standard_metadata import StandardMetadata

# Operators whose outputs lie in 0..1 and mean a probability each; by TFLite's names and by ONNX's.
_PROBABILITIES = {"SOFTMAX", "LOGISTIC", "Softmax", "Sigmoid", "QLinearSoftmax", "QLinearSigmoid"}
_HOW = "--mean and --std say what (--mean 0 --std 1: pixels 0..255 as decoded)"


@dataclass(frozen=True)
class Contract:
    """What to feed a file, what its classes are called and what comes out. Nothing in it is a guess.

    Attributes:
        source: who says what to feed: ``passport``, ``metadata`` (standard TFLite), ``options`` (the person), or
            ``assumed``: nobody does, and whoever runs the file tries raw pixels.
        normalization: what it is fed instead of pixels 0..255; RAW where nobody says.
        labels: ``labels[i]`` is class ``i``; None where nobody names them.
        named_by: who names them, in the words of ``source``.
        gives_probabilities: whether the graph ends in a softmax or sigmoid; else what comes out is of unknown meaning,
            logits mostly.
    """

    source: str
    normalization: Normalization = RAW
    labels: tuple[str, ...] | None = None
    named_by: str = "assumed"
    gives_probabilities: bool = True

    @property
    def is_known(self) -> bool:
        """Whether somebody says what to feed."""
        return self.source != "assumed"

    def told(self, normalization: Normalization | None, labels: Sequence[str] | None) -> "Contract":
        """The contract with what the person says of a file that has no passport, or one without names.

        Raises:
            UsageError: the file has a passport, which knows better.
        """
        if normalization is None and labels is None:
            return self
        if self.source == "passport" and (normalization is not None or self.labels is not None):
            raise UsageError("it has a passport, which says what to feed it: leave --mean, --std and --labels out")
        found = self if normalization is None else replace(self, source="options", normalization=normalization)
        return found if labels is None else replace(found, labels=tuple(labels), named_by="options")

    def require_known(self) -> None:
        """Refuse work that would state a guess as a fact.

        Raises:
            UsageError: nobody says what to feed the file.
        """
        if not self.is_known:
            raise UsageError(f"what to feed it is unknown, for it is another tool's and does not say: {_HOW}")

    def names(self, classes: int) -> tuple[str, ...]:
        """What ``classes`` outputs are called: the labels, or numbers if there are none or too few of a foreign file.

        Raises:
            ModelError: the passport, or the person, has another number of labels.
        """
        if self.labels is not None and len(self.labels) == classes:
            return self.labels
        if self.named_by in ("passport", "options"):
            raise ModelError(f"{len(self.labels or ())} labels for {classes} classes, expected one for each")
        return tuple(str(index) for index in range(classes))

    def remark(self, classes: int) -> str | None:
        """What is not known of a file with ``classes`` outputs, in words; None for a file with a passport."""
        if self.source == "passport":
            return None
        sentences = [self._naming(classes), self._feeding()]
        if not self.gives_probabilities:
            sentences.append("it ends in no softmax, so that what comes out (logits?) is shown as it is")
        return f"another tool's (no passport): {'; '.join(sentences)}"

    def _naming(self, classes: int) -> str:
        if self.labels is None:
            return "its classes are called 0, 1, 2 ..."
        if self.named_by == "options":
            return "its labels are those of --labels"
        if len(self.labels) != classes:
            return f"its metadata names {len(self.labels)} of {classes} classes, so they are called 0, 1, 2 ..."
        return "its labels are those of its TFLite metadata"

    def _feeding(self) -> str:
        who = {"metadata": "as its metadata asks", "options": "as --mean and --std ask"}.get(self.source)
        if who is None:
            return f"what to feed it is unknown, and raw pixels 0..255 are tried: {_HOW}"
        if self.normalization.is_raw:
            return f"it is fed raw pixels 0..255, {who}"
        return f"it is fed {formula(self.normalization)}, {who}"


def formula(normalization: Normalization) -> str:
    """What is fed for a pixel, such as ``(pixel - 127.5) / 127.5``."""
    ends = normalization.mean, normalization.std
    mean, std = ("/".join(f"{value:g}" for value in values) for values in ends)
    return f"(pixel - {mean}) / {std}"


def contract_of_passport(labels: tuple[str, ...] | None) -> Contract:
    """The contract of a file with a passport that names these classes, or none: pixels in, probabilities out."""
    return Contract("passport", labels=labels, named_by="assumed" if labels is None else "passport")


def contract_of(
    metadata: "StandardMetadata | None", labels: tuple[str, ...] | None, output_operator: str | None
) -> Contract:
    """The contract of a file without a passport: of its standard metadata, the ``labels`` in there, and the operator
    that decides what comes out.

    Raises:
        ModelError: the metadata asks for what cannot be.
    """
    found = Contract("assumed", RAW, labels, "metadata", gives_probabilities=output_operator in _PROBABILITIES)
    if metadata is None or not (metadata.scales_pixels or (metadata.mean and metadata.std)):
        return found
    try:
        return replace(found, source="metadata", normalization=Normalization(metadata.mean, metadata.std))
    except ValueError as error:
        raise ModelError(f"its TFLite metadata: {error}") from None


def own_passport(passport: Passport, format: str, model: "TFLiteModel | OnnxModel") -> Passport:
    """The passport, if it was written for this file.

    Raises:
        ModelError: it names another format, or an input of another size, than ``model`` has.
    """
    graph: Any = getattr(model, "subgraphs", (model,))[0]
    tensors = [graph.tensors[end] if isinstance(end, int) else end for end in graph.inputs]
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors if tensor.shape]
    if passport.format != format or passport.input_shape not in shapes:
        size = "x".join(map(str, passport.input_shape))
        raise ModelError(
            f"its passport is that of another file ({passport.format}, {size} pixels; this one is {format} and takes "
            f"{' and '.join('x'.join(map(str, shape)) for shape in shapes)}): export the model again"
        )
    return passport
