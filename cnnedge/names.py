"""The grammar of exported file names, and the words in it.

``<model>_<precision>[_qat].<format>``: ``cifar10_int8_qat.tflite`` is the network ``cifar10``, full-integer int8,
quantization-aware trained, as TFLite. ``<model>.keras`` is the float Keras baseline.

Precisions:
    float32     weights and arithmetic in 32-bit float
    float16     weights stored in 16-bit float; arithmetic in float
    dynamic     int8 weights, float activations (quantized on the fly)
    int8        weights and activations int8: integer arithmetic only
    int8_mixed  int8 but for named layers, which stay in float32
    int16x8     int16 activations, int8 weights: integer arithmetic only
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import UsageError

# The largest seed that the generators of numpy and Keras take: 32 bits.
HIGHEST_SEED = 2**32 - 1
FORMATS = ("tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8", "int8_mixed", "int16x8")
# What each format is exported in where nothing else is asked for, in the order of the tables.
EXPORTS = {
    "tflite": ("float32", "float16", "dynamic", "int8", "int16x8"),
    "onnx": ("float32", "int8"),
}
# What each format can be in.
POSSIBLE = {format: (*precisions, "int8_mixed") for format, precisions in EXPORTS.items()}
_STEM = re.compile(rf"(?P<model>.+?)_(?P<precision>{'|'.join(PRECISIONS)})(?P<qat>_qat)?")


def expected_one_of(word: str, known: Collection[str]) -> str:
    """The end of an error about an unknown ``word``: what there is, and what was probably meant."""
    meant = difflib.get_close_matches(word, known, n=1)
    return f"expected one of {', '.join(known)}" + (f"; did you mean {meant[0]}?" if meant else "")


@dataclass(frozen=True)
class ExportName:
    """One exported file's name, taken apart."""

    model: str
    precision: str
    format: str
    qat: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"unknown format {self.format!r}: {expected_one_of(self.format, FORMATS)}")
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision {self.precision!r}: {expected_one_of(self.precision, PRECISIONS)}")
        if self.precision not in POSSIBLE[self.format]:
            raise UsageError(
                f"{self.format} is not exported as {self.precision}: expected one of {', '.join(POSSIBLE[self.format])}"
            )
        if self.qat and self.precision not in ("int8", "int8_mixed"):
            raise UsageError(f"quantization-aware training makes int8 files, not {self.precision}")

    @property
    def filename(self) -> str:
        return f"{self.model}_{self.precision}{'_qat' if self.qat else ''}.{self.format}"

    @classmethod
    def parse(cls, path: Path | str) -> "ExportName | None":
        """Take a file name apart; None for a name that does not follow the grammar (someone else's file)."""
        path = Path(path)
        format = path.suffix.removeprefix(".")
        match = _STEM.fullmatch(path.stem)
        if match is None or match["precision"] not in POSSIBLE.get(format, ()):
            return None
        if match["qat"] and match["precision"] not in ("int8", "int8_mixed"):
            return None
        return cls(match["model"], match["precision"], format, qat=bool(match["qat"]))


def place_in_tables(file: str) -> int:
    """Tables list a float baseline first, then the files of each format: a key to sort their names by."""
    ending = file.rsplit(".", 1)[-1]
    return 1 + FORMATS.index(ending) if ending in FORMATS else 0
