"""What the benchmark measures: one model file, called in one way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnedge.documents import Preprocessing
from cnnedge.errors import ModelError, UsageError
from cnnedge.files import read_regular, sha256_of
from cnnedge.formats.contract import Contract
from cnnedge.formats.mistaken import mistaken_for_exported
from cnnedge.formats.model_file import MAX_FILE_BYTES, ModelFile, open_model_file
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.names import FORMATS, ExportName

# The module that a worker imports before it reads its resting memory, by format.
RUNTIME_MODULES = {"tflite": ("ai_edge_litert.interpreter",), "onnx": ("onnxruntime",), "keras": ("keras",)}


@dataclass(frozen=True)
class Asked:
    """What a person says of files that have no passport: what to feed them, and how their outputs are called."""

    normalization: Normalization | None = None
    labels: tuple[str, ...] | None = None


NOTHING_ASKED = Asked()


@dataclass(frozen=True)
class Candidate:
    """One row of the table before it is measured.

    Attributes:
        name: the file's name.
        format: ``tflite``, ``onnx`` or ``keras``.
        precision: a word of ``cnnedge.names``, or ``unknown`` for somebody else's file.
        qat: whether the file says that it was trained quantization-aware.
        size_bytes: the file's size.
        opener: ``module:function``; the worker calls ``function(**options, num_threads=...)`` for a Runner.
        options: keyword arguments of the opener, JSON-able.
        mode: how the file is called, where one file is called in several ways; else empty.
        sha256: of the file; candidates of one format with the same content give the same predictions.
        labels: how the outputs are called by the file itself or by --labels, or None.
        device: ``cpu`` or ``gpu``.
        imports: modules whose memory belongs to the runtime, not to the file.
        preprocessing: what it is fed instead of pixels 0..255, and who says so.
        float_operators: what an integer file calculates in float, as its passport says.
        problem: why there is nothing to measure, such as a folder that is called like a file.
    """

    name: str
    format: str
    precision: str
    qat: bool
    size_bytes: int
    opener: str
    options: dict[str, Any] = field(default_factory=dict)
    mode: str = ""
    sha256: str = ""
    labels: tuple[str, ...] | None = None
    device: str = "cpu"
    imports: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    float_operators: tuple[str, ...] = ()
    problem: str | None = None

    def __post_init__(self) -> None:
        if self.opener.count(":") != 1:
            raise ValueError(f"opener is {self.opener!r}, expected 'module:function'")
        if self.device not in ("cpu", "gpu"):
            raise ValueError(f"device is {self.device!r}, expected 'cpu' or 'gpu'")

    @property
    def label(self) -> str:
        """The file's name, with the way it is called where there are several."""
        return f"{self.name} ({self.mode})" if self.mode else self.name


def exported_files(path: Path) -> list[Path]:
    """The exported files at ``path``: itself, or what lies in the folder, in the order of the tables.

    Raises:
        UsageError: ``path`` does not exist, is no model file, or is a folder without one.
    """
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.removeprefix(".") in FORMATS]
        if not found:
            raise UsageError(f"{path}: {mistaken_for_exported(path)}")
        return sorted(found, key=_table_order)
    if not path.exists():
        raise UsageError(f"{path} does not exist: expected a .tflite or .onnx file, or a folder of them")
    if path.suffix.removeprefix(".") not in FORMATS:
        raise UsageError(f"{path} is neither .tflite nor .onnx: the benchmark reads these and .keras")
    return [path]


def candidates_for(paths: Iterable[Path], *, device: str = "cpu", asked: Asked = NOTHING_ASKED) -> list[Candidate]:
    """Make a candidate of every exported file at ``paths`` (files or folders).

    A file that turns out to be unreadable becomes a candidate all the same: its row will hold the reason.
    What is ``asked`` is for the files that have no passport; without it they get what their metadata ask for.

    Raises:
        UsageError: a path does not exist, or holds no exported file.
    """
    return [_candidate(file, device, asked) for path in paths for file in exported_files(Path(path))]


def keras_candidates(path: Path, *, opener: str, modes: Iterable[str], device: str = "cpu") -> list[Candidate]:
    """One candidate per way of calling the float Keras model at ``path``.

    ``opener`` names the function of an upper floor that opens it (this floor knows no Keras).

    Raises:
        UsageError: there is no such file.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist: expected the float Keras model, a .keras file")
    content = path.read_bytes()
    return [
        Candidate(
            name=path.name,
            format="keras",
            precision="float32",
            qat=False,
            size_bytes=len(content),
            opener=opener,
            options={"path": str(path), "mode": mode, "device": device},
            mode=mode,
            sha256=sha256_of(content),
            device=device,
            preprocessing=_described(RAW, "contract"),
            imports=RUNTIME_MODULES["keras"],
        )
        for mode in modes
    ]


def _candidate(path: Path, device: str, asked: Asked) -> Candidate:
    format = path.suffix.removeprefix(".")
    content, problem = _content(path)
    file, name = _opened(content, format), ExportName.parse(path)
    passport, contract = file.passport if file else None, _contract(file, asked)
    normalization = contract.normalization
    return Candidate(
        name=path.name,
        format=format,
        precision=passport.precision if passport else name.precision if name else _precision(file),
        qat=passport.qat if passport else bool(name and name.qat),
        size_bytes=len(content),
        opener="cnnedge.runtime.opening:open_runner",
        options={"source": str(path), "device": device, "mean": normalization.mean, "std": normalization.std},
        sha256=sha256_of(content),
        labels=contract.labels,
        device=device,
        imports=RUNTIME_MODULES[format],
        preprocessing=_described(normalization, contract.source),
        float_operators=_float_operators(file),
        problem=problem,
    )


def _content(path: Path) -> tuple[bytes, str | None]:
    """The file's bytes; or none, and why it cannot be read: a folder, a pipe, no permission."""
    try:
        return read_regular(path, MAX_FILE_BYTES), None
    except OSError as error:
        return b"", f"it cannot be read: {error.strerror}"


def _opened(content: bytes, format: str) -> ModelFile | None:
    """The file; None if it or what it carries is damaged: its row will say so when it is opened."""
    try:
        file = open_model_file(content, format)
        _ = file.contract, file.facts
    except ModelError:
        return None
    return file


def _contract(file: ModelFile | None, asked: Asked) -> Contract:
    """What a file is fed and how its classes are called; a person is ``asked`` about files without a passport only."""
    if file is None:
        return Contract("assumed", labels=asked.labels).told(asked.normalization, asked.labels)
    if file.passport is None:
        return file.told(asked.normalization, asked.labels).contract
    return file.contract if file.labels else file.told(None, asked.labels).contract


def _precision(file: ModelFile | None) -> str:
    """The precision that the file's own operators show, for a file that does not say."""
    return file.facts.precision if file else "unknown"


def _float_operators(file: ModelFile | None) -> tuple[str, ...]:
    said = file.passport.made.get("float_operators") if file and file.passport else None
    return tuple(str(part) for part in said) if isinstance(said, list) else ()


def _described(normalization: Normalization, source: str) -> Preprocessing:
    return Preprocessing(list(normalization.mean), list(normalization.std), source)


def _table_order(path: Path) -> tuple[int, str, int, bool, str]:
    """TFLite before ONNX, one model after the other, precisions in the order of ``cnnedge.names``."""
    from cnnedge.names import PRECISIONS

    name, format = ExportName.parse(path), path.suffix.removeprefix(".")
    if name is None:
        return FORMATS.index(format), path.stem, 0, False, path.name
    return FORMATS.index(format), name.model, PRECISIONS.index(name.precision), name.qat, path.name
