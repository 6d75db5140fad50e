"""A model file: read from disk once, checked once, and handed on as an object that knows what it holds."""

import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError, UsageError
from cnnedge.files import sha256_of
from cnnedge.formats.mistaken import mistaken_for_exported
from cnnedge.formats.tflite.reader import TFLiteModel, read_tflite
from cnnedge.images.normalization import Normalization
from cnnedge.names import FORMATS
from cnnedge.passport import PASSPORT_KEY, Passport

if TYPE_CHECKING:
    from cnnedge.formats.contract import Contract
    from cnnedge.formats.facts import Facts
    from cnnedge.formats.onnx.reader import OnnxModel
    from cnnedge.formats.tflite.standard_metadata import StandardMetadata

# Both containers address their content with 31-bit offsets or lengths.
MAX_FILE_BYTES = 2**31 - 1


@dataclass(frozen=True, eq=False)
class ModelFile:
    """One ``.tflite`` or ``.onnx`` file whose structure has been read and checked: see ``open_model_file``.

    What it knows is worked out when first asked for and kept. Every property raises ModelError, with the file's name,
    where what it reads is damaged.

    Attributes:
        name: the file's name, ``<tflite bytes>`` for bytes.
        path: where it lies; None for bytes.
        format: ``tflite`` or ``onnx``.
        content: its bytes.
        parsed: what was read of them.
        asked: what a person says of its scaling and of its classes: see ``told``.
    """

    name: str
    path: Path | None
    format: str
    content: bytes
    parsed: "TFLiteModel | OnnxModel"
    asked: tuple[Normalization | None, Sequence[str] | None] = (None, None)

    @cached_property
    def sha256(self) -> str:
        return sha256_of(self.content)

    @cached_property
    def facts(self) -> "Facts":
        """Operators, tensors, weights: what inspection knows."""
        with naming(self.name):
            if isinstance(self.parsed, TFLiteModel):
                from cnnedge.formats.tflite.facts import tflite_facts

                return tflite_facts(self.parsed)
            from cnnedge.formats.onnx.facts import onnx_facts

            return onnx_facts(self.parsed)

    @cached_property
    def passport(self) -> Passport | None:
        """What cnnedge wrote into the file; None for another tool's."""
        from cnnedge.formats.contract import own_passport

        with naming(self.name):
            text = self._entry(PASSPORT_KEY)
            return None if text is None else own_passport(Passport.from_json(text), self.format, self.parsed)

    @cached_property
    def standard_metadata(self) -> "StandardMetadata | None":
        """The standard TFLite metadata; None for an ONNX file, or if it carries none."""
        if not isinstance(self.parsed, TFLiteModel):
            return None
        from cnnedge.formats.tflite import standard_metadata as standard
        from cnnedge.formats.tflite.entries import read_entry

        with naming(self.name):
            data = read_entry(self.parsed, standard.ENTRY)
            return None if data is None else standard.read(data)

    @cached_property
    def properties(self) -> dict[str, str]:
        """An ONNX file's metadata properties but for the passport."""
        found = {} if isinstance(self.parsed, TFLiteModel) else self.parsed.metadata
        return {name: text for name, text in found.items() if name != PASSPORT_KEY}

    @cached_property
    def labels(self) -> tuple[str, ...] | None:
        """The passport's names, else those of the standard metadata; None where nobody names the classes."""
        if self.passport is not None:
            return self.passport.names
        metadata = self.standard_metadata
        if metadata is None or metadata.label_file is None:
            return None
        from cnnedge.formats.tflite.standard_metadata import read_labels

        with naming(self.name):
            return read_labels(self.content, metadata.label_file)

    @cached_property
    def contract(self) -> "Contract":
        """What to feed it and how to call what comes out, and who says so."""
        found = self._found_contract
        try:
            return found.told(*self.asked)
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from None

    @property
    def _found_contract(self) -> "Contract":
        from cnnedge.formats.contract import contract_of, contract_of_passport

        if self.passport is not None:  # metadata and facts, which `predict` needs for nothing else, stay unread
            return contract_of_passport(self.passport.names)
        with naming(self.name):
            return contract_of(self.standard_metadata, self.labels, self.facts.output_operator)

    def told(self, normalization: Normalization | None, labels: Sequence[str] | None) -> "ModelFile":
        """The file with what a person says of it (``--mean``, ``--std``, ``--labels``); None says nothing.

        Raises:
            UsageError: it has a passport, which knows better.
        """
        file = replace(self, asked=(normalization, labels))
        _ = file.contract
        return file

    def require_contract(self) -> None:
        """Refuse work that would state a guess as a fact: see ``Contract.require_known``."""
        try:
            self.contract.require_known()
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from None

    def class_names(self, classes: int) -> tuple[str, ...]:
        """What its ``classes`` outputs are called: see ``Contract.names``."""
        with naming(self.name):
            return self.contract.names(classes)

    def remark(self, classes: int) -> str | None:
        """A sentence on what was assumed of a file with ``classes`` outputs; None for one with a passport."""
        found = self.contract.remark(classes)
        return None if found is None else f"{self.name} is {found}"

    def check_runnable(self) -> None:
        """Refuse what native code should never see.

        Raises:
            ModelError: it holds an operator that cnnedge lets no runtime run, or values that a runtime would trust
                and that cannot be.
        """
        _ = self.needs_rehearsal

    @property
    def known_operators(self) -> Collection[str]:
        """The names of those that cnnedge lets a runtime run."""
        if isinstance(self.parsed, TFLiteModel):
            from cnnedge.formats.tflite.operators import RULES

            return RULES
        from cnnedge.formats.onnx.operators import OPERATORS

        return OPERATORS

    @cached_property
    def refusal(self) -> str | None:
        """What ``check_runnable`` says against it, without the file's name; None where a runtime may run it."""
        try:
            self.check_runnable()
        except ModelError as error:
            return str(error).removeprefix(f"{self.name}: ")
        return None

    @cached_property
    def needs_rehearsal(self) -> bool:
        """Whether what the file takes cannot be reckoned, so that it must first be run in a process of its own."""
        with naming(self.name):
            if not isinstance(self.parsed, TFLiteModel):
                from cnnedge.formats.onnx.check import check_graph as check_onnx

                return not check_onnx(self.parsed)
            from cnnedge.formats.tflite.check import check_graph

            check_graph(self.parsed)
            return False

    def _entry(self, name: str) -> bytes | str | None:
        """A TFLite file's metadata entry, or an ONNX file's metadata property."""
        if not isinstance(self.parsed, TFLiteModel):
            return self.parsed.metadata.get(name)
        from cnnedge.formats.tflite.entries import read_entry

        return read_entry(self.parsed, name)


def open_model_file(source: Path | str | bytes, format: str | None = None) -> ModelFile:
    """Read a model file, or take its bytes, and check its structure.

    Args:
        source: the file's path, or its content.
        format: ``tflite`` or ``onnx``; needed for bytes, taken from the suffix for a path.

    Raises:
        ModelError: the file is absent, unreadable or damaged, or its format is neither tflite nor onnx.
    """
    path = None if isinstance(source, bytes) else Path(source)
    format = _known(format or (path.suffix.lower().removeprefix(".") if path else ""), path)
    content = source if isinstance(source, bytes) else _read(Path(source))
    name = path.name if path else f"<{format} bytes>"
    with naming(name):
        return ModelFile(name, path, format, content, _parse(content, format))


def _parse(content: bytes, format: str) -> "TFLiteModel | OnnxModel":
    if format == "tflite":
        return read_tflite(content)
    from cnnedge.formats.onnx.reader import read_onnx  # `predict` starts faster without what its file does not need

    return read_onnx(content)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the file's name in front of what is found wrong with its content, once."""
    try:
        yield
    except ModelError as error:
        raise error if str(error).startswith(f"{name}: ") else ModelError(f"{name}: {error}") from error


def _read(path: Path) -> bytes:
    """The content of a regular file: a pipe or a device could go on for ever."""
    try:
        found = path.stat()
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise ModelError(f"{path} is no regular file, expected a .tflite or .onnx file")
        if found.st_size > MAX_FILE_BYTES:
            raise ModelError(f"{path}: {found.st_size:,} bytes, expected at most {MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}: expected a .tflite or .onnx file") from error


def _known(format: str, path: Path | None) -> str:
    if format not in FORMATS:
        if path is None:
            raise ModelError(f"bytes: format {format!r}, expected {' or '.join(FORMATS)}")
        raise ModelError(f"{path}: {mistaken_for_exported(path)}")
    return format
