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

from cnnedge.apps.golden.content import open_file
from cnnedge.apps.snippets.language import DART, KOTLIN, LIMITS, PYTHON, SWIFT, Language, is_plain, less, number
from cnnedge.errors import ModelError, UsageError
from cnnedge.formats import model_file
from cnnedge.formats.tflite.entries import read_entry
from cnnedge.images.normalization import Normalization
from cnnedge.runtime.runner import TensorSpec

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


@dataclass(frozen=True)
class Contract:
    """What a file takes and gives. ``shape`` is (H, W, C); ``runtime`` the oldest TensorFlow Lite that runs it."""

    file: str
    shape: tuple[int, int, int]
    labels: tuple[str, ...]
    input: TensorSpec
    output: TensorSpec
    wanted: Normalization
    runtime: str
    has_metadata: bool


def read_contract(path: Path) -> Contract:
    """Read from the file what code for it must know.

    Raises:
        UsageError: it is no ``.tflite`` file.
        ModelError: it is damaged, no image classifier, or has ends for which there is no code here.
    """
    if path.suffix.lower() != ".tflite":
        raise UsageError(f"{path}: code for phones is written for .tflite files: choose one of those")
    runner, labels, _ = open_file(path)
    with runner:
        contract = Contract(
            file=path.name,
            shape=runner.input_shape,
            labels=labels,
            input=runner.input,
            output=runner.output,
            wanted=runner.normalization,
            runtime=_runtime(path),
            has_metadata=model_file.read_standard_metadata(model_file.load(path)) is not None,
        )
    _check(contract)
    return contract


def _runtime(path: Path) -> str:
    data = read_entry(path.read_bytes(), RUNTIME_ENTRY) or b""
    text = data.rstrip(b"\0").decode("ascii", "replace")
    return text if text and text.replace(".", "").isdigit() else ""


def _check(contract: Contract) -> None:
    for end in (contract.input, contract.output):
        if end.dtype not in TYPES:
            raise ModelError(f"{contract.file}: {end.name!r} is {end.dtype}, expected {', '.join(TYPES)} for a phone")
    if contract.input.shape[1:] != contract.shape:
        raise ModelError(f"{contract.file} takes colours first (NCHW): code is written for NHWC, TFLite's own order")
    if len(contract.wanted.mean) != 1 or len(contract.wanted.std) != 1:
        raise ModelError(f"{contract.file} asks for another scaling of each colour: code is written for one of all")


def snippets(path: Path) -> dict[str, str]:
    """The code by name: ``kotlin``, ``mediapipe``, ``swift``, ``dart`` and ``python``.

    Raises:
        UsageError, ModelError: as ``read_contract``.
    """
    contract = read_contract(path)
    return {
        "kotlin": _fill("litert.kt", contract, KOTLIN, "        ", _kotlin(contract)),
        "mediapipe": _mediapipe(contract),
        "swift": _fill("litert.swift", contract, SWIFT, "        ", _swift(contract)),
        "dart": _fill("tflite_flutter.dart", contract, DART, "  ", _dart(contract)),
        "python": _fill("litert.py", contract, PYTHON, "    ", {"mode": "L" if contract.shape[2] == 1 else "RGB"}),
    }


def as_markdown(path: Path) -> str:
    """The code under a heading for each platform, with what the file takes and gives in a sentence.

    Raises:
        UsageError, ModelError: as ``read_contract``.
    """
    contract = read_contract(path)
    parts = [f"# {contract.file}\n\n{describe(contract)}\n"]
    for name, code in snippets(path).items():
        parts.append(f"## {TITLES[name]}\n\n```{FENCES.get(name, name)}\n{code}```\n")
    return "\n".join(parts)


def describe(contract: Contract) -> str:
    """What to feed and what comes out, in words."""
    height, width, channels = contract.shape
    colours = "one grey value per pixel" if channels == 1 else "red, green, blue of each pixel"
    values = "0..255 as decoded"
    if not contract.wanted.is_raw:
        values = f"(pixel - {contract.wanted.mean[0]:g}) / {contract.wanted.std[0]:g}"
    end = contract.output
    given = "probabilities"
    if end.dtype != "float32":
        given = f"{less('value', end.zero_point)} * {number(end.scale)} is a probability"
    runtime = f" It needs TensorFlow Lite {contract.runtime} or newer." if contract.runtime else ""
    return (
        f"Feed {height} x {width} x {channels} {contract.input.dtype}: row by row, {colours}, {values}. "
        f"Out come {len(contract.labels)} {end.dtype}, {given}, in the order of the labels.{runtime}"
    )


def _fill(name: str, contract: Contract, language: Language, indent: str, own: dict[str, str]) -> str:
    height, width, channels = contract.shape
    template = Template((files("cnnedge.apps.snippets") / "templates" / f"{name}.template").read_text())
    return template.substitute(
        file=contract.file,
        file_text=language.quoted(contract.file),
        height=height,
        width=width,
        channels=channels,
        classes=len(contract.labels),
        labels=language.lines(contract.labels, indent),
        order="one grey value per pixel" if channels == 1 else "red, green, blue",
        encode=language.encode(contract.input, contract.wanted),
        probability=language.decode(contract.output),
        **own,
    )


def _kotlin(contract: Contract) -> dict[str, str]:
    is_float = contract.input.dtype == "float32"
    fill = [f"input[3 * i + {at}] = encode({colour})" for at, colour in enumerate(("red", "green", "blue"))]
    if contract.shape[2] == 1:
        fill = ["input[i] = encode((299 * red + 587 * green + 114 * blue + 500) / 1000)"]
    rounds = not is_float and not is_plain(contract.input, contract.wanted)
    return {
        "imports": "import kotlin.math.roundToInt\n" if rounds else "",
        "input_array": "FloatArray" if is_float else "ByteArray",
        "element": "Float" if is_float else "Byte",
        "write": "writeFloat" if is_float else "writeInt8",
        "read": "readFloat" if contract.output.dtype == "float32" else "readInt8",
        "fill": "\n".join(f"            {line}" for line in fill),
    }


def _mediapipe(contract: Contract) -> str:
    reason = ""
    if contract.shape[2] != 3:
        reason = "it knows no grey pictures: cnnedge export NAME --rgb-input makes a file that it takes"
    elif "int8" in (contract.input.dtype, contract.output.dtype):
        reason = "it knows uint8 and float32 only: cnnedge export --io uint8 makes a file that it takes"
    elif not contract.has_metadata:
        reason = "the file carries no TFLite metadata: export it again with cnnedge"
    if reason:
        return f"// MediaPipe Tasks does not take {contract.file}: {reason}.\n"
    template = Template((files("cnnedge.apps.snippets") / "templates" / "mediapipe.kt.template").read_text())
    return template.substitute(file=contract.file, file_text=KOTLIN.quoted(contract.file))


def _swift(contract: Contract) -> dict[str, str]:
    data = "try interpreter.output(at: 0).data"
    outputs = {
        "uint8": f"[UInt8]({data})",
        "int8": f"{data}.map {{ Int8(bitPattern: $0) }}",
        "float32": f"{data}.withUnsafeBytes {{ Array($0.bindMemory(to: Float32.self)) }}",
    }
    fill = [f"values.append(encode(Int(rgbx[i + {at}])))" for at in range(3)]
    if contract.shape[2] == 1:
        fill = [
            "let luma = 299 * Int(rgbx[i]) + 587 * Int(rgbx[i + 1]) + 114 * Int(rgbx[i + 2])",
            "values.append(encode((luma + 500) / 1000))",
        ]
    return {
        "stem_text": SWIFT.quoted(Path(contract.file).stem),
        "output": outputs[contract.output.dtype],
        "element": {"uint8": "UInt8", "int8": "Int8", "float32": "Float32"}[contract.input.dtype],
        "fill": "\n".join(f"            {line}" for line in fill),
    }


def _dart(contract: Contract) -> dict[str, str]:
    lists = {"uint8": "Uint8List", "int8": "Int8List", "float32": "Float32List"}
    fill = [f"input[i++] = _encode(pixel.{colour});" for colour in "rgb"]
    if contract.shape[2] == 1:
        fill = ["input[i++] = _encode((0.299 * pixel.r + 0.587 * pixel.g + 0.114 * pixel.b).round());"]
    note = ""
    if tuple(int(part) for part in contract.runtime.split(".")[:2] if part) > FLUTTER_ON_IOS:
        note = (
            f"// On iOS tflite_flutter 0.12.1 brings TensorFlow Lite 2.12, too old for this file, which needs "
            f"{contract.runtime}:\n// take an int8 or a float32 file there.\n"
        )
    return {
        "note": note,
        "asset_text": DART.quoted(f"assets/{contract.file}"),
        "input_list": lists[contract.input.dtype],
        "output_list": lists[contract.output.dtype],
        "number": "double" if contract.input.dtype == "float32" else "int",
        "fill": "\n".join(f"      {line}" for line in fill),
    }
