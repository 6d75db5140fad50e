"""A scheme is one way to make a file; a plan is the schemes of one export."""

from dataclasses import dataclass, replace

from cnnedge.errors import UsageError
from cnnedge.names import EXPORTS, FORMATS, PRECISIONS, ExportName, expected_one_of

METHODS = ("ptq", "qat")
# Where the ranges of activations end: at the outermost values of calibration images, or as ``clipping`` says.
RANGES = ("minmax", "percentile", "mse")
IO_TYPES = ("uint8", "int8", "float32")
# The precisions whose activation ranges come from calibration images.
CALIBRATED = ("int8", "int8_mixed", "int16x8")
# Of ONNX int8 files. Seven bits never saturate the 16-bit sums that x86 CPUs without VNNI add in, see ``qat.grid``.
WEIGHT_BITS = (7, 8)
EIGHT_BITS_ARE_RIGHT = (
    "8-bit weights are right on Arm and on x86 CPUs with VNNI (AVX-512 VNNI, AVX-VNNI); on other x86 CPUs sums saturate"
)
_CONVERSIONS = {
    "float32": "conversion",
    "float16": "weights rounded to 16 bits",
    "dynamic": "post-training quantization of the weights",
}


@dataclass(frozen=True)
class Scheme:
    """One way to make a file, checked at birth.

    Attributes:
        format, precision: see ``names``.
        method: "ptq", post-training, or "qat", quantization-aware training, which makes int8 alone.
        float_layers: the layers that stay in float32, for ``int8_mixed``: of the folded model where they were chosen,
            operators of the file where they have no integer kernel.
        io: type at both ends of an int8 TFLite file.
        ranges: one of RANGES; others than "minmax" for post-training int8 and int8_mixed alone.
        weight_bits: 7, or 8 for post-training int8 and int8_mixed ONNX files, see EIGHT_BITS_ARE_RIGHT.

    Raises:
        UsageError: there is no such word, or the choices do not go together.
    """

    format: str
    precision: str
    method: str = "ptq"
    float_layers: tuple[str, ...] = ()
    io: str = "uint8"
    ranges: str = "minmax"
    weight_bits: int = 7

    def __post_init__(self) -> None:
        self.name("model")  # checks format, precision and method together
        words = ((self.method, METHODS, "method"), (self.io, IO_TYPES, "--io"), (self.ranges, RANGES, "ranges"))
        for value, choices, what in words:
            if value not in choices:
                raise UsageError(f"unknown {what} {value!r}: {expected_one_of(value, choices)}")
        if self.weight_bits not in WEIGHT_BITS or (self.weight_bits == 8 and not self.takes_eight_bits):
            raise UsageError(
                f"{self.weight_bits}-bit weights in {self.format} {self.precision} by {self.method}: expected 7, "
                "or 8 in post-training int8 ONNX files"
            )
        if self.ranges != "minmax" and (self.qat or self.precision not in ("int8", "int8_mixed")):
            raise UsageError(f"{self.ranges} ranges are for post-training int8, got {self.precision} by {self.method}")
        if bool(self.float_layers) != (self.precision == "int8_mixed"):
            raise UsageError(
                f"{self.precision} with {len(self.float_layers)} layers in float: int8_mixed names such layers, "
                "and no other precision has them"
            )

    @property
    def takes_eight_bits(self) -> bool:
        """Whether 8-bit weights are a choice; TFLite's int8 files always have them."""
        return self.format == "onnx" and self.precision in ("int8", "int8_mixed") and not self.qat

    @property
    def levels(self) -> int:
        """Weights of an integer file have whole numbers -levels..levels of steps; those of TFLite's have 8 bits."""
        return 2 ** ((8 if self.format == "tflite" else self.weight_bits) - 1) - 1

    @property
    def integers(self) -> tuple[int, str]:
        """Which of ``IntegerFiles`` a calibrated file is made of: the levels, and int8 or int16x8."""
        return self.levels, "int16x8" if self.precision == "int16x8" else "int8"

    @property
    def qat(self) -> bool:
        return self.method == "qat"

    @property
    def needs_calibration(self) -> bool:
        return self.precision in CALIBRATED

    @property
    def needs_training(self) -> bool:
        return self.qat

    def with_floats(self, layers: tuple[str, ...]) -> "Scheme":
        """The scheme of an int8 file that turned out to leave ``layers`` in float32."""
        return replace(self, precision="int8_mixed", float_layers=self.float_layers or layers)

    def name(self, model: str) -> ExportName:
        """The name of the file that it makes of ``model``."""
        return ExportName(model, self.precision, self.format, self.qat)

    def file(self, model: str) -> str:
        return self.name(model).filename

    def words(self, *, images: int, epochs: int, learning_rate: float, teacher: str | None = None) -> str:
        """How the file was made, for its passport; the numbers are those of calibration and of QAT's training, which
        may have learned from ``teacher`` too."""
        if not self.needs_calibration:
            return _CONVERSIONS[self.precision]
        words = f"post-training quantization, {images} calibration images"
        words += f", {self.ranges} ranges" if self.ranges != "minmax" else ""
        words += f"; {EIGHT_BITS_ARE_RIGHT}" if self.weight_bits == 8 else ""
        if self.qat:
            words = (
                f"quantization-aware training, {epochs} epochs at {learning_rate:g}, "
                "7-bit weights, ranges from calibration images"
            )
            words += f", learned from {teacher} too" if teacher else ""
        return words + (f", in float32: {', '.join(self.float_layers)}" if self.float_layers else "")


@dataclass(frozen=True)
class ExportPlan:
    """The schemes of one export, in the order of the tables.

    Raises:
        UsageError: there are none, or two would write the same file.
    """

    schemes: tuple[Scheme, ...]

    def __post_init__(self) -> None:
        files = self.files("model")
        if not files:
            raise UsageError("nothing to export: expected at least one scheme")
        if len(set(files)) < len(files):
            raise UsageError(f"two schemes write the same file, expected one each: {', '.join(files)}")

    def files(self, model: str) -> list[str]:
        return [scheme.file(model) for scheme in self.schemes]

    def possible_files(self, model: str) -> list[str]:
        """These, and what an int8 file is called if a layer has no integer kernel."""
        names = [scheme.name(model) for scheme in self.schemes]
        mixed = [replace(name, precision="int8_mixed").filename for name in names if name.precision == "int8"]
        return [*self.files(model), *mixed]

    @property
    def needs_calibration(self) -> bool:
        return any(scheme.needs_calibration for scheme in self.schemes)

    @property
    def needs_training(self) -> bool:
        return any(scheme.needs_training for scheme in self.schemes)


def plan_of(
    formats: tuple[str, ...] = FORMATS,
    precisions: tuple[str, ...] = PRECISIONS,
    *,
    qat: bool = False,
    io: str = "uint8",
    float_layers: tuple[str, ...] = (),
    weight_bits: int = 7,
) -> ExportPlan:
    """Every file of the ``formats`` in the ``precisions`` that they are exported in; ``qat`` adds its int8 files.

    With ``float_layers``, int8_mixed takes the place of int8. ``weight_bits`` are those of post-training ONNX int8.

    Raises:
        UsageError: an unknown word, ``qat`` without int8, ``io`` without an int8 TFLite file, or nothing to export.
    """
    for values, choices, what in ((formats, FORMATS, "format"), (precisions, PRECISIONS, "precision")):
        for value in values:
            if value not in choices:
                raise UsageError(f"unknown {what} {value!r}: {expected_one_of(value, choices)}")
    if qat and "int8" not in precisions:
        raise UsageError("--qat makes int8 files: add int8 to --precision, or leave --precision out")
    if float_layers and "int8" not in precisions:
        raise UsageError("--float-layers is for int8 files: add int8 to --precision, or leave it out")
    schemes = []
    for format in formats:
        for precision in (precision for precision in EXPORTS[format] if precision in precisions):
            ends = io if (format, precision) == ("tflite", "int8") else "uint8"
            bits = weight_bits if (format, precision) == ("onnx", "int8") else 7
            scheme = Scheme(format, precision, io=ends, weight_bits=bits)
            schemes.append(scheme.with_floats(float_layers) if float_layers and precision == "int8" else scheme)
            if qat and precision == "int8":
                trained = Scheme(format, precision, "qat", io=ends)
                schemes.append(trained.with_floats(float_layers) if float_layers else trained)
    if not schemes:
        raise UsageError(f"nothing to export: {', '.join(formats)} has none of {', '.join(precisions)}")
    if io != "uint8" and all(scheme.io == "uint8" for scheme in schemes):
        raise UsageError(f"--io {io} is for int8 TFLite files, and none was asked for: leave --io out")
    if weight_bits != 7 and all(scheme.weight_bits == 7 for scheme in schemes):
        raise UsageError("--onnx-weights is for int8 ONNX files, and none was asked for: leave it out")
    return ExportPlan(tuple(schemes))
