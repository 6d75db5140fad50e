"""An always-on service: label what a camera sees, or every picture that appears in a folder, a JSON line for each.

    python scripts/service_example.py exported/mnist/mnist_int8_qat.tflite --camera 0 --every 1
    python scripts/service_example.py exported/cifar10/cifar10_int8_qat.tflite --folder incoming/

It goes on when the camera is unplugged and comes back, and when a picture cannot be read; both are lines with an
"error". It ends when it is told to (Ctrl-C, or systemd's SIGTERM), and with exit code 1 if the file or the camera
cannot be opened at the start; systemd then starts it again (the README has the unit).
"""

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge import Classifier
from cnnedge.errors import CnnedgeError, ImageError
from cnnedge.images.camera import watch

LONGEST_S = 86_400  # a day; Python sleeps no longer than some centuries


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Classifier(options.file) as classifier:
            pictures = in_folder(options.folder, options.every) if options.folder else by_camera(options)
            for source, picture in pictures:
                print(json.dumps(labelled(classifier, source, picture)), flush=True)
    except KeyboardInterrupt:
        return 0
    except (CnnedgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .tflite or .onnx file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--camera", type=int, metavar="N", help="0 for the first camera")
    source.add_argument("--folder", type=Path, help="label every picture that appears here")
    parser.add_argument("--every", type=seconds, default=1.0, metavar="SECONDS", help="how often to look")
    return parser.parse_args(arguments)


def seconds(text: str) -> float:
    """A time to wait: finite (``nan`` would wait for ever, or not at all) and not below 0."""
    found = float(text)
    if not 0 <= found <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} is given, expected 0 to {LONGEST_S:,} seconds")
    return found


def labelled(classifier: Classifier, source: str, picture: Path | np.ndarray | CnnedgeError) -> dict[str, Any]:
    """One line of the log: what was seen, or why nothing was."""
    line: dict[str, Any] = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "source": source}
    if isinstance(picture, CnnedgeError):
        return {**line, "error": str(picture)}
    begun = time.perf_counter()
    try:
        best = classifier.predict(picture, top=1)[0]
    except ImageError as error:
        return {**line, "error": str(error)}
    milliseconds = 1000 * (time.perf_counter() - begun)
    return {**line, "label": best.label, "score": round(best.score, 4), "ms": round(milliseconds, 2)}


def by_camera(options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray | CnnedgeError]]:
    """A picture every so often; an error, once, when the camera is gone."""
    shown = 0.0
    for picture in watch(options.camera):
        # Pictures in between are taken and dropped: those that wait in the driver show the past.
        if isinstance(picture, CnnedgeError) or time.monotonic() - shown >= options.every:
            shown = time.monotonic()
            yield f"camera {options.camera}", picture


def in_folder(folder: Path, every: float) -> Iterator[tuple[str, Path]]:
    """Every picture of a folder, each once, for as long as the service runs; a changed file counts as a new one."""
    if not folder.is_dir():
        raise CnnedgeError(f"{folder} is not a folder: make it, or name another")
    seen: set[tuple[str, int, int]] = set()
    while True:
        now = files(folder)
        for name, _, _ in sorted(now - seen):
            yield name, folder / name
        seen = now  # forgets what is gone, so that memory does not grow
        time.sleep(every)


def files(folder: Path) -> set[tuple[str, int, int]]:
    """Name, time of change and size of every file whose name does not begin with a dot."""
    found = set()
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # removed in the meantime
            if path.is_file() and not path.name.startswith("."):
                found.add((path.name, path.stat().st_mtime_ns, path.stat().st_size))
    return found


if __name__ == "__main__":
    sys.exit(main())
