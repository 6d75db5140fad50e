"""``cnnedge predict``: label pictures with a .tflite or .onnx file."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge import console
from cnnedge.cli.options import AsJson, Labels, Mean, ModelPath, Std, Threads
from cnnedge.errors import ImageError, UsageError

if TYPE_CHECKING:
    from cnnedge.images.listing import Picture

# Runners-up below half a percent would be shown as 0 %.
SMALLEST_SHOWN = 0.005
TERMINAL_WIDTH = 80


def predict(
    file: ModelPath,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE..", help="Pictures, folders, quoted patterns, or - for standard input."),
    ] = None,
    camera: Annotated[
        bool,
        typer.Option("--camera", help="Watch a camera until Ctrl-C: the first, or number 1, 2 .. if given."),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many classes to name for each picture.")] = 5,
    threads: Threads = 1,
    labels: Labels = None,
    mean: Mean = None,
    std: Std = None,
    as_json: AsJson = False,
) -> None:
    """Say what is in each picture: label, probability, milliseconds.

    Any size and kind of picture will do: it is turned upright, laid on white
    if transparent, and squashed to the model's size.
    Nothing beside FILE is needed: the labels are inside it. A file of another
    tool may have labels and scaling in its TFLite metadata; else --labels,
    --mean and --std tell them, and without them a note says what is unknown.
    A file that gives no probabilities gets its values shown, not percent.

    The milliseconds run from decoded pixels to probabilities.
    Runners-up follow on a second line when they reach half a percent.
    A picture that cannot be read gets its own error; the others are still
    labelled, and the exit code is 1. A camera that stops gets an error too,
    and is watched again as soon as it is back. With --json it prints an object
    a line, not one list.

    Examples:

      cnnedge predict exported/mnist/mnist_int8_qat.tflite digit.png

      cnnedge predict exported/cifar10/cifar10_int8_qat.tflite photos/ --json

      curl -s URL | cnnedge predict exported/cifar10/cifar10_int8.onnx -

      cnnedge predict exported/cifar10/cifar10_int8_qat.tflite --camera

      cnnedge predict theirs.onnx photo.jpg --std 255 --labels cat,dog
    """
    from cnnedge.formats.model_file import open_model_file
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.labels import asked_labels
    from cnnedge.runtime import answers
    from cnnedge.runtime.classifier import Classifier

    found = _watched(images or []) if camera else _listed(images or [])
    opened = open_model_file(file).told(asked_normalization(mean, std), asked_labels(labels))
    with Classifier(opened, num_threads=threads) as classifier:
        if classifier.remark:
            console.say(f"note: {classifier.remark}")
        failures = _Failures()
        entries = failures.counted(answers.entry(classifier, picture, top) for picture in found)
        if camera:
            _show_camera(entries, as_json)
        elif as_json:
            _print_document(entries)
        else:
            for entry in entries:
                console.show(*_lines(entry))
    if failures.count:
        more = f" (and {failures.count - 1} more)" if failures.count > 1 else ""
        raise ImageError(f"{failures.first}{more}")


def _listed(images: list[str]) -> "Iterator[Picture]":
    if not images:
        raise UsageError("no pictures given: name files, folders or - for standard input, or add --camera")
    from cnnedge.images.listing import listed

    return listed(images)


def _watched(images: list[str]) -> "Iterator[Picture]":
    number = images[0] if images else "0"
    if len(images) > 1 or not number.isdecimal():
        raise UsageError(f"--camera with {' '.join(images)!r}: expected at most the number of the camera after it")
    from cnnedge.images.listing import watched

    return watched(int(number))


class _Failures:
    """The first error among the entries, and how many there are: two fields, however many pictures fail."""

    def __init__(self) -> None:
        self.first, self.count = "", 0

    def counted(self, entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for entry in entries:
            if entry["error"]:
                self.first = self.first or entry["error"]
                self.count += 1
            yield entry


def _print_document(entries: Iterable[dict[str, Any]]) -> None:
    """One JSON list, an element a line, printed as they come, so that memory stays flat."""
    separator = "["
    for entry in entries:
        print(separator + console.json_text(entry), end="")
        separator = ",\n "
    print("]")


def _show_camera(entries: Iterable[dict[str, Any]], as_json: bool) -> None:
    """Print until Ctrl-C: JSON objects or lines, each at once; on a terminal, one line that changes."""
    one_line = sys.stdout.isatty() and not as_json
    with contextlib.suppress(KeyboardInterrupt):
        for entry in entries:
            text = console.json_text(entry) if as_json else console.plain(_best(entry))
            if one_line and not entry["error"]:
                print(f"{text:<{TERMINAL_WIDTH - 1}}", end="\r", flush=True)
            else:
                print(text, flush=True)
    if one_line:
        print()


def _lines(entry: dict[str, Any]) -> list[str]:
    others = [p for p in entry["top"][1:] if p["score"] is None or p["score"] >= SMALLEST_SHOWN]
    if not others:
        return [_best(entry)]
    return [_best(entry), " " * 40 + ", ".join(f"{p['label']} {_sure(p).strip()}" for p in others)]


def _best(entry: dict[str, Any]) -> str:
    if entry["error"]:
        return entry["error"]
    return f"{_shortened(entry['image'])}  {entry['label']:<12} {_sure(entry)} {entry['ms']:9.2f} ms"


def _sure(entry: dict[str, Any]) -> str:
    """The probability in percent, or what came out where it is none."""
    return f"{entry['value']:7.3g}" if entry["score"] is None else f"{100 * entry['score']:5.1f} %"


def _shortened(name: str, width: int = 38) -> str:
    """A name in ``width`` columns; a long one keeps its end, which tells pictures apart."""
    name = console.plain(name)
    return f"{name:<{width}}" if len(name) <= width else f"...{name[3 - width :]}"
