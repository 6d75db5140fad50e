"""Model files as bytes: reading them from disk, and refusing what native code should never see."""

from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import ModelError
from cnnedge.names import FORMATS

# Both containers address their content with 31-bit offsets or lengths.
MAX_FILE_BYTES = 2**31 - 1


@dataclass(frozen=True)
class ModelFile:
    """A model file's name, ``tflite`` or ``onnx``, and its content."""

    name: str
    format: str
    content: bytes


def load(source: Path | str | bytes, *, format: str | None = None) -> ModelFile:
    """Read a model file, or take its bytes.

    Raises:
        ModelError: the file is absent or unreadable, or its format is neither tflite nor onnx.
    """
    if isinstance(source, bytes):
        return ModelFile(f"<{format} bytes>", _known(format or "", "bytes"), source)
    path = Path(source)
    format = _known(format or path.suffix.lower().removeprefix("."), str(path))
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelError(f"{path}: {size:,} bytes, expected at most {MAX_FILE_BYTES:,}")
        return ModelFile(path.name, format, path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}: expected a .tflite or .onnx file") from error


def _known(format: str, what: str) -> str:
    if format not in FORMATS:
        raise ModelError(f"{what}: format {format!r}, expected {' or '.join(FORMATS)}")
    return format
