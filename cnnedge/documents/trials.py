"""``search.json``: every candidate of a search, what it cost, and which one was taken."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import DataError
from cnnedge.files import read_regular
from cnnedge.records import from_json, known, write_record

TRIALS_SCHEMA = 1
MAX_TRIALS_BYTES = 10_000_000
# Layers in float that a line names.
SHOWN_LAYERS = 3
PREFERENCES = ("smallest", "fastest")


@dataclass(frozen=True)
class Wish:
    """What was asked for. ``max_drop_pp``: points of top-1 that may be lost. ``widths``: of narrower networks whose
    files may be taken too."""

    max_drop_pp: float
    prefer: str
    formats: tuple[str, ...]
    precisions: tuple[str, ...]
    seed: int
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Subject:
    """The model and the data, by their SHA-256; ``validation`` and ``test`` are numbers of images, ``preprocessing``
    what was put before the model."""

    model: str
    source_sha256: str
    data: str
    validation_sha256: str
    validation: int
    test_sha256: str
    test: int
    preprocessing: str = ""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Right answers on ``images``, and those that only the baseline (``lost``) or only the file (``gained``) has right.
    ``verdict`` is a word of ``scoring.allowance``."""

    images: int
    right: int
    lost: int
    gained: int
    verdict: str

    @property
    def top1(self) -> float:
        return self.right / self.images

    @property
    def delta_pp(self) -> float:
        return 100 * (self.gained - self.lost) / self.images


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate: how it is made, and what it was on the validation images.

    Attributes:
        width: of the narrower network that it is a file of; None: of the model itself.
        ranges: how the ranges of activations were chosen; empty where there are none.
        float_layers: those that were left in float.
        validation: None where it could not be made, for the reason in ``error``.
        stopped: it was given up before all images were seen.
        p50_ms: of one image; None where it was not measured.
        same_as: the name of a candidate with the same content, whose figures these are.
    """

    format: str
    precision: str
    method: str = "ptq"
    width: float | None = None
    ranges: str = ""
    float_layers: tuple[str, ...] = ()
    size_bytes: int = 0
    sha256: str = ""
    seconds: float = 0.0
    validation: Paired | None = None
    stopped: bool = False
    p50_ms: float | None = None
    same_as: str | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        """``tflite int8_mixed, percentile ranges, in float: conv1``: says one candidate from all others."""
        return self._words(len(self.float_layers))

    @property
    def label(self) -> str:
        """``name`` with the costliest three layers: half of a MobileNetV2's are 800 characters."""
        return self._words(SHOWN_LAYERS)

    def _words(self, layers: int) -> str:
        words = f"{self.format} {self.precision}" + (" qat" if self.method == "qat" else "")
        words += "" if self.width is None else f" at width {self.width:g}"
        if self.ranges not in ("", "minmax"):
            words += f", {self.ranges} ranges"
        if not self.float_layers:
            return words
        more = len(self.float_layers) - layers
        return f"{words}, in float: {', '.join(self.float_layers[:layers])}" + (f" and {more} more" if more > 0 else "")

    @property
    def found(self) -> Paired:
        return known(self.validation)


@dataclass(frozen=True)
class LayerCost:
    """What int8 of one layer alone costs, everything else being float32: the fraction of answers that change, and the
    divergence of the probabilities from the float ones, in nats. ``width`` as in ``Trial``."""

    layer: str
    changed: float
    divergence: float
    width: float | None = None


@dataclass(frozen=True, kw_only=True)
class Search:
    """``search.json``.

    Attributes:
        baseline: right answers of the float Keras model on the validation images.
        narrower_sha256: of the networks of ``Wish.widths``, once they are trained.
        latency_from: where ``p50_ms`` come from: "" this machine, or a benchmark.json.
        layers: by falling cost, those of one network after the other; empty where no layer had to be left in float.
        chosen: the name of the trial that was taken, ``met`` whether it stays within what may be lost.
        file: what it was written as, from the search's folder: a narrower network's lie in a folder of their own.
        test: its figures on the test images, which chose nothing.
        words: the result in sentences.
    """

    schema: int
    wish: Wish
    subject: Subject
    baseline: int
    narrower_sha256: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    layers: tuple[LayerCost, ...] = ()
    latency_from: str = ""
    chosen: str | None = None
    met: bool = False
    file: str | None = None
    test: Paired | None = None
    words: tuple[str, ...] = ()

    def trial(self, name: str) -> Trial | None:
        return next((trial for trial in self.trials if trial.name == name), None)

    def costs(self, width: float | None) -> tuple[LayerCost, ...]:
        """The layers of one network."""
        return tuple(cost for cost in self.layers if cost.width == width)

    def taken_file(self, folder: Path) -> Path:
        """The file that was taken, by a search in ``folder``."""
        return Path(os.path.normpath(folder / known(self.file)))

    def write(self, path: Path) -> None:
        write_record(path, self)


def read_search(path: Path) -> Search:
    """Read a ``search.json``.

    Raises:
        DataError: it cannot be read, or is none of this schema.
    """
    try:
        content = json.loads(read_regular(path, MAX_TRIALS_BYTES))
        if not isinstance(content, dict) or content.get("schema") != TRIALS_SCHEMA:
            raise ValueError(f"schema {TRIALS_SCHEMA} was expected")
        return from_json(Search, content)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a search.json ({error}): search again with --overwrite") from None
