"""What the commands themselves cost, against the limits that we hold ourselves to.

    python scripts/speed_and_memory.py [--folder exported]

Measured on this machine, now; a busy machine shows in the figures. Ends with exit code 1 if a limit is exceeded.
"""

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cnnedge import console

REPEATS = 5
# For the cost of single images: enough for a steady median, and some to warm up.
IMAGES, WARMUP = 2000, 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("exported"), help="where the exported models lie")
    folder = parser.parse_args().folder
    measurements: list[tuple[str, float, float, str]] = [
        ("from cnnedge import Classifier", best(import_seconds), 0.5, "s"),
        ("cnnedge --help", best(lambda: cost("--help")[0]), 0.5, "s"),
        *predict_one(folder / "mnist" / "mnist_int8_qat.tflite"),
        ("Classifier.predict beyond the runtime call, mnist", overhead_us(folder, "mnist"), 60, "us"),
        ("Classifier.predict beyond the runtime call, cifar10", overhead_us(folder, "cifar10"), 100, "us"),
        ("evaluating 10,000 images, against bare invoke", evaluation_ratio(folder), 1.3, "x"),
        *export_all(folder / "cifar10" / "cifar10.keras"),
    ]
    for what, value, limit, unit in measurements:
        print(f"{what:<58} {value:8.2f} {unit:<3} (limit {limit:g}) {'ok' if value <= limit else 'EXCEEDED'}")
    return int(any(value > limit for _, value, limit, _ in measurements))


def cost(*arguments: str) -> tuple[float, float]:
    """Wall seconds and peak MB (resident) of one ``cnnedge`` command."""
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "cnnedge", *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"cnnedge {' '.join(arguments)} ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1000


def import_seconds() -> float:
    """Seconds that the import takes in a fresh interpreter that has started."""
    timed = "import time; s = time.perf_counter(); from cnnedge import Classifier; print(time.perf_counter() - s)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(REPEATS))


def predict_one(model: Path) -> list[tuple[str, float, float, str]]:
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "digit.png"
        Image.fromarray(np.zeros((28, 28), np.uint8)).save(picture)
        costs = [cost("predict", str(model), str(picture)) for _ in range(REPEATS)]
    return [
        ("cnnedge predict, one image, int8", min(seconds for seconds, _ in costs), 1.0, "s"),
        ("cnnedge predict, peak memory", max(megabytes for _, megabytes in costs), 150, "MB"),
    ]


def evaluation_ratio(folder: Path) -> float:
    """Our evaluation loop against nothing but set_tensor, invoke and get_tensor; medians, interleaved."""
    from ai_edge_litert.interpreter import Interpreter

    from cnnedge import data as datasets
    from cnnedge.runtime.opening import open_runner

    path = folder / "mnist" / "mnist_int8_qat.tflite"
    with console.progress() as progress:
        images = datasets.pixels_of(datasets.load("mnist", progress=progress).test)
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def bare() -> None:
        for index in range(len(images)):
            interpreter.set_tensor(source, images[index : index + 1])
            interpreter.invoke()
            interpreter.get_tensor(target)

    with open_runner(path) as runner:
        ours, theirs = [], []
        for _ in range(REPEATS):
            theirs.append(seconds(bare))
            ours.append(seconds(lambda: runner.predict(images)))
    return float(np.median(ours) / np.median(theirs))


def overhead_us(folder: Path, model: str) -> float:
    """What one image costs beyond set_tensor, invoke and get_tensor; medians of images taken in turn."""
    from cnnedge import Classifier

    with Classifier(folder / model / f"{model}_int8_qat.tflite") as classifier:
        runner = classifier._runner
        images = np.random.default_rng(0).integers(0, 256, (IMAGES, *runner.input_shape), dtype=np.uint8)
        for image in images[:WARMUP]:
            classifier.predict(image)
        ours, bare = [], []
        for image in images:
            batch = image[np.newaxis]
            bare.append(seconds(functools.partial(runner.run, batch)))
            ours.append(seconds(functools.partial(classifier.predict, image)))
    return 1e6 * float(np.median(ours) - np.median(bare))


def export_all(keras_file: Path) -> list[tuple[str, float, float, str]]:
    with tempfile.TemporaryDirectory() as folder:
        wall, megabytes = cost("export", str(keras_file), "--data", "cifar10", "--out", folder)
    return [
        ("exporting cifar10 in every precision without QAT", wall, 90, "s"),
        ("exporting, peak memory", megabytes, 3000, "MB"),
    ]


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
