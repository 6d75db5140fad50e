"""Model files as bytes: reading them from disk, and refusing what native code should never see."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.names import FORMATS
from cnnedge.passport import PASSPORT_KEY, Passport

if TYPE_CHECKING:
    from cnnedge.formats.tflite.standard_metadata import StandardMetadata

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


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the file's name in front of what is found wrong with its content."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error


def _known(format: str, what: str) -> str:
    if format not in FORMATS:
        raise ModelError(f"{what}: format {format!r}, expected {' or '.join(FORMATS)}")
    return format


def check_tflite(content: bytes) -> None:
    """Check everything in a TFLite file that LiteRT would trust.

    Raises:
        ModelError: the file is damaged, or holds an operator that cnnedge does not let LiteRT run.
    """
    from cnnedge.formats.tflite import check

    check.check_tflite(content)


def check_onnx(content: bytes) -> None:
    """Check an ONNX file before ONNX Runtime sees it.

    Raises:
        ModelError: the file is damaged, keeps data in other files, or needs operators of its own.
    """
    from cnnedge.formats.onnx.reader import read_onnx

    read_onnx(content)


def read_passport(source: Path | str | bytes, *, format: str | None = None) -> Passport | None:
    """The passport inside a model file, or None for a file that carries none (another tool's).

    ``format`` is needed for bytes only.

    Raises:
        ModelError: the file or its passport is damaged.
    """
    file = load(source, format=format)
    with naming(file.name):
        if file.format == "tflite":
            from cnnedge.formats.tflite.entries import read_entry

            text: str | bytes | None = read_entry(file.content, PASSPORT_KEY)
        else:
            from cnnedge.formats.onnx.reader import read_onnx

            text = read_onnx(file.content).metadata.get(PASSPORT_KEY)
        return None if text is None else Passport.from_json(text)


def read_standard_metadata(file: ModelFile) -> "StandardMetadata | None":
    """The standard TFLite metadata inside a file; None for an ONNX file, or if it carries none.

    Raises:
        ModelError: the file or its metadata is damaged.
    """
    if file.format != "tflite":
        return None
    from cnnedge.formats.tflite import standard_metadata as standard
    from cnnedge.formats.tflite.entries import read_entry

    data = read_entry(file.content, standard.ENTRY)
    return None if data is None else standard.read(data)


def metadata_labels(file: ModelFile) -> tuple[str, ...] | None:
    """The labels of the standard TFLite metadata; None if the file carries none.

    Raises:
        ModelError: the file, its metadata or the archive with the label file is damaged.
    """
    metadata = read_standard_metadata(file)
    if metadata is None or metadata.label_file is None:
        return None
    from cnnedge.formats.tflite.standard_metadata import read_labels

    return read_labels(file.content, metadata.label_file)


def embed_passport_tflite(content: bytes, passport: Passport) -> bytes:
    """Return the TFLite file with ``passport`` inside, and the same in standard TFLite metadata with a label file.

    Operators, tensors and weights stay byte for byte as they were. What was embedded before is replaced.

    Raises:
        ModelError: the file is not TFLite or is damaged, or a label is empty or has a line break in it.
    """
    from cnnedge.formats.tflite import standard_metadata as standard
    from cnnedge.formats.tflite.entries import add_entries
    from cnnedge.formats.tflite.label_archive import append_files, without_archive

    labels = {standard.LABEL_FILE: standard.label_lines(passport.labels)}
    entries = {
        PASSPORT_KEY: passport.to_json().encode(),
        standard.ENTRY: standard.write(standard.of_passport(passport)),
    }
    return append_files(add_entries(without_archive(content), entries), labels)
