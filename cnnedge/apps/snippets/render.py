"""Code for a phone that runs one ``.tflite`` file: complete, and right for that file's shapes, types and labels.

    kotlin     Android: LiteRT 2.x, the CompiledModel API, whose writeInt8 and readInt8 move bytes, signed or not
    mediapipe  Android: MediaPipe Tasks, which reads the file's metadata
    swift      iOS: TensorFlowLiteSwift, LiteRT's Interpreter
    dart       Flutter: tflite_flutter, which takes a ByteBuffer for what it is, and would reshape the model to a list
    python     LiteRT's Interpreter alone, without this package

The templates lie in ``templates/``; what differs from file to file is filled in here.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from cnnedge.apps.snippets.language import DART, KOTLIN, LIMITS, PYTHON, SWIFT, Language, is_plain, less, number
from cnnedge.console import plain
from cnnedge.errors import ModelError, UsageError
from cnnedge.formats.contract import Contract, formula
from cnnedge.formats.model_file import ModelFile
from cnnedge.formats.tflite.entries import read_entry
from cnnedge.formats.tflite.reader import TFLiteModel
from cnnedge.images.normalization import Normalization
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Ends

TITLES = {
    "kotlin": "Android, Kotlin, LiteRT",
    "mediapipe": "Android, Kotlin, MediaPipe Tasks",
    "swift": "iOS, Swift, TensorFlow Lite",
    "dart": "Flutter, Dart, tflite_flutter",
    "python": "Python, LiteRT",
}
FENCES = {"mediapipe": "kotlin"}
TYPES = (*LIMITS, "float32")
# tflite_flutter 0.12.1 brings LiteRT 1.4 to Android and this version of TensorFlow Lite to iOS.
FLUTTER_ON_IOS = (2, 12)
# TensorFlow's converter writes the oldest runtime that knows all operators here.
RUNTIME_ENTRY = "min_runtime_version"
UNKNOWN_SCALING = "values of unknown scaling, for the file does not say"


@dataclass(frozen=True)
class Subject:
    """What code for a file must know. ``shape`` is (H, W, C); ``runtime`` the oldest TensorFlow Lite that runs it."""

    file: str
    shape: tuple[int, int, int]
    labels: tuple[str, ...]
    ends: Ends
    wanted: Normalization
    contract: Contract
    runtime: str
    has_metadata: bool

    @property
    def shown(self) -> str:
        """The file's name in a heading or a comment, where a line break would end it."""
        return plain(self.file)


def subject_of(file: ModelFile) -> Subject:
    """What code for the file must know.

    Raises:
        UsageError: it is no ``.tflite`` file.
        ModelError: it is damaged, no image classifier, or has ends for which there is no code here.
    """
    if not isinstance(file.parsed, TFLiteModel):
        raise UsageError(f"{file.path}: code for phones is written for .tflite files: choose one of those")
    with open_runner(file) as runner:
        subject = Subject(
            file=file.name,
            shape=runner.input_shape,
            labels=file.class_names(runner.num_classes),
            ends=Ends(runner.input, runner.output),
            wanted=runner.normalization,
            contract=file.contract,
            runtime=_runtime(file.parsed),
            has_metadata=file.standard_metadata is not None,
        )
    _check(subject)
    return subject


def _runtime(model: TFLiteModel) -> str:
    data = read_entry(model, RUNTIME_ENTRY) or b""
    text = data.rstrip(b"\0").decode("ascii", "replace")
    return text if text and text.replace(".", "").isdigit() else ""


def _check(subject: Subject) -> None:
    for end in (subject.ends.input, subject.ends.output):
        if end.dtype not in TYPES:
            raise ModelError(f"{subject.file}: {end.name!r} is {end.dtype}, expected {', '.join(TYPES)} for a phone")
    if subject.ends.input.shape[1:] != subject.shape:
        raise ModelError(f"{subject.file} takes colours first (NCHW): code is written for NHWC, TFLite's own order")
    if len(subject.wanted.mean) != 1 or len(subject.wanted.std) != 1:
        raise ModelError(f"{subject.file} asks for another scaling of each colour: code is written for one of all")


def snippets(file: ModelFile) -> dict[str, str]:
    """The code by name: ``kotlin``, ``mediapipe``, ``swift``, ``dart`` and ``python``.

    Raises:
        UsageError, ModelError: as ``subject_of``.
    """
    return _codes(subject_of(file))


def _codes(subject: Subject) -> dict[str, str]:
    return {
        "kotlin": _fill("litert.kt", subject, KOTLIN, "        ", _kotlin(subject)),
        "mediapipe": _mediapipe(subject),
        "swift": _fill("litert.swift", subject, SWIFT, "        ", _swift(subject)),
        "dart": _fill("tflite_flutter.dart", subject, DART, "  ", _dart(subject)),
        "python": _fill("litert.py", subject, PYTHON, "    ", {"mode": "L" if subject.shape[2] == 1 else "RGB"}),
    }


def as_markdown(file: ModelFile) -> str:
    """The code under a heading for each platform, with what the file takes and gives in a sentence.

    Raises:
        UsageError, ModelError: as ``subject_of``.
    """
    subject = subject_of(file)
    parts = [f"# {subject.shown}\n\n{describe(subject)}\n"]
    for name, code in _codes(subject).items():
        parts.append(f"## {TITLES[name]}\n\n```{FENCES.get(name, name)}\n{code}```\n")
    return "\n".join(parts)


def describe(subject: Subject) -> str:
    """What to feed and what comes out, in words."""
    height, width, channels = subject.shape
    colours = "one grey value per pixel" if channels == 1 else "red, green, blue of each pixel"
    values = "0..255 as decoded" if subject.wanted.is_raw else formula(subject.wanted)
    if not subject.contract.is_known:
        values = f"{UNKNOWN_SCALING}: the code feeds 0..255 as decoded"
    end, certain = subject.ends.output, subject.contract.gives_probabilities
    given = "probabilities" if certain else "whose meaning is unknown (no softmax: logits?)"
    if end.dtype != "float32":
        meaning = "a probability" if certain else "of unknown meaning (no softmax: a logit?)"
        given = f"{less('value', end.zero_point)} * {number(end.scale)} is {meaning}"
    runtime = f" It needs TensorFlow Lite {subject.runtime} or newer." if subject.runtime else ""
    return (
        f"Feed {height} x {width} x {channels} {subject.ends.input.dtype}: row by row, {colours}, {values}. "
        f"Out come {len(subject.labels)} {end.dtype}, {given}, in the order of the labels.{runtime}"
    )


def _fill(name: str, subject: Subject, language: Language, indent: str, own: dict[str, str]) -> str:
    height, width, channels = subject.shape
    template = Template((files("cnnedge.apps.snippets") / "templates" / f"{name}.template").read_text())
    return _warning(subject, "#" if language is PYTHON else "//") + template.substitute(
        file=subject.shown,
        file_text=language.quoted(subject.file),
        height=height,
        width=width,
        channels=channels,
        classes=len(subject.labels),
        labels=language.lines(subject.labels, indent),
        order="one grey value per pixel" if channels == 1 else "red, green, blue",
        encode=language.encode(subject.ends.input, subject.wanted),
        probability=language.decode(subject.ends.output),
        **own,
    )


def _warning(subject: Subject, comment: str) -> str:
    """What nobody says of the file, at the top of the code that had to do without."""
    lines = []
    if not subject.contract.is_known:
        lines.append(f"It wants {UNKNOWN_SCALING}: this code feeds 0..255 as decoded; change encode if need be.")
    if not subject.contract.gives_probabilities:
        lines.append("What comes out is of unknown meaning, for the file ends in no softmax: it may be logits.")
    return "".join(f"{comment} {line}\n" for line in lines)


def _kotlin(subject: Subject) -> dict[str, str]:
    is_float = subject.ends.input.dtype == "float32"
    fill = [f"input[3 * i + {at}] = encode({colour})" for at, colour in enumerate(("red", "green", "blue"))]
    if subject.shape[2] == 1:
        fill = ["input[i] = encode((299 * red + 587 * green + 114 * blue + 500) / 1000)"]
    rounds = not is_float and not is_plain(subject.ends.input, subject.wanted)
    return {
        "imports": "import kotlin.math.roundToInt\n" if rounds else "",
        "input_array": "FloatArray" if is_float else "ByteArray",
        "element": "Float" if is_float else "Byte",
        "write": "writeFloat" if is_float else "writeInt8",
        "read": "readFloat" if subject.ends.output.dtype == "float32" else "readInt8",
        "fill": "\n".join(f"            {line}" for line in fill),
    }


def _mediapipe(subject: Subject) -> str:
    reason = ""
    if subject.shape[2] != 3:
        reason = "it knows no grey pictures: cnnedge export NAME --rgb-input makes a file that it takes"
    elif "int8" in (subject.ends.input.dtype, subject.ends.output.dtype):
        reason = "it knows uint8 and float32 only: cnnedge export --io uint8 makes a file that it takes"
    elif not subject.has_metadata:
        reason = "the file carries no TFLite metadata: export it again with cnnedge"
    if reason:
        return f"// MediaPipe Tasks does not take {subject.shown}: {reason}.\n"
    template = Template((files("cnnedge.apps.snippets") / "templates" / "mediapipe.kt.template").read_text())
    return template.substitute(file=subject.shown, file_text=KOTLIN.quoted(subject.file))


def _swift(subject: Subject) -> dict[str, str]:
    data = "try interpreter.output(at: 0).data"
    outputs = {
        "uint8": f"[UInt8]({data})",
        "int8": f"{data}.map {{ Int8(bitPattern: $0) }}",
        "float32": f"{data}.withUnsafeBytes {{ Array($0.bindMemory(to: Float32.self)) }}",
    }
    fill = [f"values.append(encode(Int(rgbx[i + {at}])))" for at in range(3)]
    if subject.shape[2] == 1:
        fill = [
            "let luma = 299 * Int(rgbx[i]) + 587 * Int(rgbx[i + 1]) + 114 * Int(rgbx[i + 2])",
            "values.append(encode((luma + 500) / 1000))",
        ]
    return {
        "stem_text": SWIFT.quoted(Path(subject.file).stem),
        "output": outputs[subject.ends.output.dtype],
        "element": {"uint8": "UInt8", "int8": "Int8", "float32": "Float32"}[subject.ends.input.dtype],
        "fill": "\n".join(f"            {line}" for line in fill),
    }


def _dart(subject: Subject) -> dict[str, str]:
    lists = {"uint8": "Uint8List", "int8": "Int8List", "float32": "Float32List"}
    fill = [f"input[i++] = _encode(pixel.{colour});" for colour in "rgb"]
    if subject.shape[2] == 1:
        fill = ["input[i++] = _encode((0.299 * pixel.r + 0.587 * pixel.g + 0.114 * pixel.b).round());"]
    note = ""
    if tuple(int(part) for part in subject.runtime.split(".")[:2] if part) > FLUTTER_ON_IOS:
        note = (
            f"// On iOS tflite_flutter 0.12.1 brings TensorFlow Lite 2.12, too old for this file, which needs "
            f"{subject.runtime}:\n// take an int8 or a float32 file there.\n"
        )
    return {
        "note": note,
        "asset_text": DART.quoted(f"assets/{subject.file}"),
        "input_list": lists[subject.ends.input.dtype],
        "output_list": lists[subject.ends.output.dtype],
        "number": "double" if subject.ends.input.dtype == "float32" else "int",
        "fill": "\n".join(f"      {line}" for line in fill),
    }
