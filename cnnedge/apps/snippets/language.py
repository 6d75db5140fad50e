"""How each language writes what a file takes and gives: literals, conversions, labels.

Every function takes the facts of one end of the file and returns one expression. ``level`` is a pixel value 0..255 in
the code around it, ``output`` the file's raw output.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnedge.images.normalization import Normalization
from cnnedge.runtime.runner import TensorSpec

# Lines of labels end here.
WIDTH = 100
LIMITS = {"uint8": (0, 255), "int8": (-128, 127)}


@dataclass(frozen=True)
class Language:
    """``encode`` and ``decode`` write the two conversions; ``escapes`` are characters that need a backslash."""

    encode: Callable[[TensorSpec, Normalization], str]
    decode: Callable[[TensorSpec], str]
    escapes: str = '"\\'
    unicode: str = "\\u{:04x}"

    def quoted(self, text: str) -> str:
        """``text`` as a string literal in double quotes."""
        written = "".join(
            f"\\{letter}" if letter in self.escapes else letter if letter.isprintable() else self._code(letter)
            for letter in text
        )
        return f'"{written}"'

    def _code(self, letter: str) -> str:
        """A control character or the like; above 65535 in UTF-16, as two codes, for those who have no other."""
        if "{{" in self.unicode:
            return self.unicode.format(ord(letter))
        units = letter.encode("utf-16-be", "surrogatepass").hex()
        return "".join(self.unicode.format(int(units[i : i + 4], 16)) for i in range(0, len(units), 4))

    def lines(self, labels: Sequence[str], indent: str) -> str:
        """``labels`` as literals, as many on a line as fit."""
        rows: list[str] = []
        for literal in [f"{self.quoted(label)}," for label in labels]:
            if rows and len(rows[-1]) + len(literal) < WIDTH:
                rows[-1] += f" {literal}"
            else:
                rows.append(indent + literal)
        return "\n".join(rows).removesuffix(",")


def number(value: float) -> str:
    """Nine digits tell every 32-bit float from every other."""
    return f"{value:.9g}"


def less(expression: str, zero_point: int) -> str:
    """``expression`` without ``zero_point``."""
    if zero_point == 0:
        return expression
    return f"({expression} {'-' if zero_point > 0 else '+'} {abs(zero_point)})"


def is_plain(end: TensorSpec, wanted: Normalization) -> bool:
    """Whether a whole-number input is the pixel itself, shifted at most."""
    low, high = LIMITS[end.dtype]
    return wanted.is_raw and end.scale in (0.0, 1.0) and low <= end.zero_point and end.zero_point + 255 <= high


def _plus(zero_point: int) -> str:
    return "" if zero_point == 0 else f" {'+' if zero_point > 0 else '-'} {abs(zero_point)}"


def _scaled(level: str, wanted: Normalization, suffix: str) -> str:
    if wanted.is_raw:
        return level
    return f"({level} - {number(wanted.mean[0])}{suffix}) / {number(wanted.std[0])}{suffix}"


def _kotlin_encode(end: TensorSpec, wanted: Normalization) -> str:
    real = _scaled("level", wanted, "f")
    if end.dtype == "float32":
        return "level.toFloat()" if wanted.is_raw else real
    if is_plain(end, wanted):
        return f"(level{_plus(end.zero_point)}).toByte()" if end.zero_point else "level.toByte()"
    low, high = LIMITS[end.dtype]
    return f"(({real}) / {number(end.scale)}f{_plus(end.zero_point)}).roundToInt().coerceIn({low}, {high}).toByte()"


def _kotlin_decode(end: TensorSpec) -> str:
    if end.dtype == "float32":
        return "output[i]"
    whole = "(output[i].toInt() and 0xFF)" if end.dtype == "uint8" else "output[i]"
    return f"{less(whole, end.zero_point)} * {number(end.scale)}f"


def _swift_encode(end: TensorSpec, wanted: Normalization) -> str:
    kind = {"uint8": "UInt8", "int8": "Int8", "float32": "Float32"}[end.dtype]
    real = _scaled("Float32(level)", wanted, "")
    if end.dtype == "float32":
        return real
    if is_plain(end, wanted):
        return f"{kind}(level{_plus(end.zero_point)})"
    low, high = LIMITS[end.dtype]
    return f"{kind}(min(max((({real}) / {number(end.scale)}).rounded(){_plus(end.zero_point)}, {low}), {high}))"


def _swift_decode(end: TensorSpec) -> str:
    if end.dtype == "float32":
        return "$0"
    return f"Float({less('Int($0)', end.zero_point)}) * {number(end.scale)}"


def _dart_encode(end: TensorSpec, wanted: Normalization) -> str:
    real = _scaled("level", wanted, "")
    if end.dtype == "float32":
        return "level.toDouble()" if wanted.is_raw else real
    if is_plain(end, wanted):
        return f"level.toInt(){_plus(end.zero_point)}"
    low, high = LIMITS[end.dtype]
    return f"((({real}) / {number(end.scale)}).round(){_plus(end.zero_point)}).clamp({low}, {high}).toInt()"


def _dart_decode(end: TensorSpec) -> str:
    if end.dtype == "float32":
        return "output[i]"
    return f"{less('output[i]', end.zero_point)} * {number(end.scale)}"


def _python_encode(end: TensorSpec, wanted: Normalization) -> str:
    real = _scaled("level", wanted, "")
    if end.dtype == "float32":
        return "level.astype(np.float32)" if wanted.is_raw else f"({real}).astype(np.float32)"
    if is_plain(end, wanted):
        if end.zero_point == 0:
            return "level"
        return f"(level.astype(np.int16){_plus(end.zero_point)}).astype(np.{end.dtype})"
    low, high = LIMITS[end.dtype]
    quantized = f"np.round(({real}) / {number(end.scale)}){_plus(end.zero_point)}"
    return f"np.clip({quantized}, {low}, {high}).astype(np.{end.dtype})"


def _python_decode(end: TensorSpec) -> str:
    if end.dtype == "float32":
        return "output"
    return f"{less('output.astype(np.float32)', end.zero_point)} * {number(end.scale)}"


KOTLIN = Language(_kotlin_encode, _kotlin_decode, escapes='"\\$')
SWIFT = Language(_swift_encode, _swift_decode, unicode="\\u{{{:x}}}")
DART = Language(_dart_encode, _dart_decode, escapes='"\\$')
PYTHON = Language(_python_encode, _python_decode)
