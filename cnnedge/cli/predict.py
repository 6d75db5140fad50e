"""``cnnedge predict``: label pictures with a .tflite or .onnx file."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge.errors import ImageError

if TYPE_CHECKING:
    from cnnedge.runtime.classifier import Classifier

# What a folder is searched for; a file named on the command line is tried whatever its suffix.
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
STDIN = "-"
# Runners-up below half a percent would be shown as 0 %.
SMALLEST_SHOWN = 0.005


def predict(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The model: a .tflite or .onnx file.")],
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE..", help="Pictures, folders, quoted patterns, or - for standard input."),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to name for each picture.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads for one picture.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list instead of lines.")] = False,
) -> None:
    """Say what is in each picture: label, probability, milliseconds.

    Any size and kind of picture will do: it is turned upright, laid on white
    if transparent, and squashed to the model's size.
    Nothing beside FILE is needed: the labels are inside it. A file of another
    tool has none, so its classes are called 0, 1, 2 ...

    The milliseconds run from decoded pixels to probabilities.
    Runners-up follow on a second line when they reach half a percent.
    A picture that cannot be read gets its own error; the others are still
    labelled, and the exit code is 1.

    Examples:

      cnnedge predict exported/mnist/mnist_int8_qat.tflite digit.png

      cnnedge predict exported/cifar10/cifar10_int8_qat.tflite photos/ --json

      curl -s URL | cnnedge predict exported/cifar10/cifar10_int8.onnx -
    """
    from cnnedge.runtime.classifier import Classifier

    with Classifier(file, num_threads=threads) as classifier:
        entries = (_entry(classifier, image, top) for image in _listed(images))
        failures = _print_json(entries) if as_json else _print_lines(entries)
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise ImageError(f"{failures[0]}{more}")


def _listed(images: list[str]) -> Iterator[str | ImageError]:
    """Every picture that the arguments name, or what is wrong with an argument that names none."""
    for image in images:
        if Path(image).is_dir():
            yield from _in_folder(Path(image))
        elif image != STDIN and not Path(image).exists() and any(sign in image for sign in "*?["):
            yield from _matching(image)
        else:
            yield image


def _matching(pattern: str) -> list[str] | list[ImageError]:
    # Path.glob takes no absolute pattern, and people write those.
    found = sorted(glob(pattern, recursive=True))  # noqa: PTH207
    return found or [ImageError(f"{pattern}: matches no file")]


def _in_folder(folder: Path) -> Iterator[str | ImageError]:
    found = False
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES:
                found = True
                yield str(Path(path) / name)
    if not found:
        yield ImageError(f"{folder}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")


def _entry(classifier: "Classifier", image: str | ImageError, top: int) -> dict[str, Any]:
    """One picture's result as ``--json`` shows it; ``error`` says why there is none."""
    from cnnedge.runtime.image import decode

    entry: dict[str, Any] = {
        "label": None,
        "index": None,
        "score": None,
        "top": [],
        "ms": None,
        "error": None,
    }
    try:
        if isinstance(image, ImageError):
            raise image
        source = sys.stdin.buffer.read() if image == STDIN else image
        pixels = decode(source, classifier.input_shape)
    except ImageError as error:
        named = str(error).split(":")[0] if isinstance(image, ImageError) else image
        return {"image": named, **entry, "error": str(error)}
    started = time.perf_counter()
    predictions = classifier.predict(pixels, top=top)
    entry["ms"] = round((time.perf_counter() - started) * 1e3, 3)
    entry["top"] = [{"label": p.label, "index": p.index, "score": p.score} for p in predictions]
    return {"image": image, **entry, **entry["top"][0]}


def _print_json(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Print entries as they come, so that memory stays flat; return the errors among them."""
    failures, separator = [], "["
    for entry in entries:
        print(separator + json.dumps(entry), end="")
        separator = ",\n "
        if entry["error"]:
            failures.append(entry["error"])
    print("]")
    return failures


def _print_lines(entries: Iterable[dict[str, Any]]) -> list[str]:
    failures = []
    for entry in entries:
        if entry["error"]:
            failures.append(entry["error"])
            print(entry["error"])
            continue
        print(f"{_shortened(entry['image'])}  {entry['label']:<12} {100 * entry['score']:5.1f} % {entry['ms']:9.2f} ms")
        others = [p for p in entry["top"][1:] if p["score"] >= SMALLEST_SHOWN]
        if others:
            print(" " * 40 + ", ".join(f"{p['label']} {100 * p['score']:.1f} %" for p in others))
    return failures


def _shortened(name: str, width: int = 38) -> str:
    """A name in ``width`` columns; a long one keeps its end, which tells pictures apart."""
    return f"{name:<{width}}" if len(name) <= width else f"...{name[3 - width :]}"
