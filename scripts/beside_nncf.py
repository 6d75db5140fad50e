"""Our search beside NNCF's accuracy-aware quantization, on one float32 ONNX model with the same images and budget.

    python -m venv /tmp/nncf && /tmp/nncf/bin/pip install nncf onnx onnxruntime
    python scripts/beside_nncf.py exported/mnist-tiny/mnist-tiny.keras --data mnist --nncf /tmp/nncf/bin/python

NNCF has an environment of its own. Its ``quantize_with_accuracy_control`` gets the float32 file that cnnedge makes, the
calibration images of our search and, to decide on, its validation images; each side ends with one file. Both files are
then judged by the same code, on validation images and on test images, which chose nothing for either.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.data import Dataset, Split, pixels_of
from cnnedge.formats.model_file import open_model_file
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import Score, score

# In NNCF's environment: float32 file, images, points that may be lost, the file to write.
QUANTIZE = """
import sys
import nncf, numpy, onnx, onnxruntime

source, images, max_drop, target = sys.argv[1:]
arrays, model = numpy.load(images), onnx.load(source)
(name,) = (value.name for value in model.graph.input)

def feed(pixels):
    return {name: pixels[None].astype("float32")}

def right(candidate, pairs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(candidate.SerializeToString(), options, ["CPUExecutionProvider"])
    return float(numpy.mean([session.run(None, feed(pixels))[0][0].argmax() == label for pixels, label in pairs]))

pairs = list(zip(arrays["validation"], arrays["labels"]))
found = nncf.quantize_with_accuracy_control(
    model, nncf.Dataset(arrays["calibration"], feed), nncf.Dataset(pairs, lambda pair: feed(pair[0])), right,
    subset_size=len(arrays["calibration"]), max_drop=float(max_drop) / 100, drop_type=nncf.DropType.ABSOLUTE,
)
onnx.save(found, target)
print("NNCF", nncf.__version__)
"""
SEARCH = ("--format", "onnx", "--precision", "int8,int8_mixed,float32", "--no-qat", "--prefer", "smallest")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="FILE.keras")
    parser.add_argument("--data", required=True, metavar="NAME|DIR")
    parser.add_argument("--max-drop", default="0.5", metavar="PP", help="points of top-1 that may be lost")
    parser.add_argument("--nncf", required=True, metavar="PYTHON", help="of an environment with nncf in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, console.progress() as progress:
        folder, shape = Path(place), open_model_shape(options.model)
        data = datasets.load(options.data, image_shape=shape, progress=progress)
        float32 = exported(options.model, options.data, folder)
        ours, our_seconds = timed(lambda: searched(options.model, options.data, options.max_drop, folder))
        theirs, their_seconds = timed(lambda: quantized(options.nncf, float32, data, options.max_drop, folder))
        print("| file | kB | validation top-1 % | lost, gained | test top-1 % | lost, gained | in float | s |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        baselines = [answers(float32, split) for split in (data.validation, data.test)]
        for words, file, seconds in (
            ("float32", float32, 0.0), ("cnnedge search", ours, our_seconds), ("NNCF", theirs, their_seconds),
        ):  # fmt: skip
            print(line(words, file, seconds, data, baselines))
    return 0


def open_model_shape(path: Path) -> tuple[int, int, int]:
    """(height, width, channels) of the model's images."""
    from cnnedge.model.source import read_source

    height, width, channels = read_source(path).model.input_shape[1:]
    return height, width, channels


def timed(work: Callable[[], Path]) -> tuple[Path, float]:
    """What ``work`` gives, and its seconds."""
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def exported(model: Path, data: str, folder: Path) -> Path:
    cnnedge("export", model, "--data", data, "--format", "onnx", "--precision", "float32", "--out", folder / "float")
    (file,) = (folder / "float").rglob("*.onnx")
    return file


def searched(model: Path, data: str, max_drop: str, folder: Path) -> Path:
    words = ("search", model, "--data", data, "--max-drop", max_drop, *SEARCH, "--out", folder / "ours")
    cnnedge(*words)
    (file,) = (folder / "ours").rglob("*.onnx")
    return file


def cnnedge(*words: object) -> None:
    done = subprocess.run([sys.executable, "-m", "cnnedge", *map(str, words)], check=False)
    if done.returncode not in (0, 3):  # 3: nothing keeps the limit, and the nearest file is there
        raise SystemExit(done.returncode)


def quantized(python: str, float32: Path, data: Dataset, max_drop: str, folder: Path) -> Path:
    images, target = folder / "images.npz", folder / "nncf.onnx"
    np.savez(
        images, calibration=pixels_of(data.calibration), validation=pixels_of(data.validation),
        labels=data.validation.labels,
    )  # fmt: skip
    subprocess.run([python, "-c", QUANTIZE, float32, images, max_drop, target], check=True)
    return target


def answers(file: Path, split: Split) -> Score:
    with open_runner(file) as runner:
        return score(runner, split)


def line(words: str, file: Path, seconds: float, data: Dataset, baselines: list[Score]) -> str:
    cells = [words, f"{file.stat().st_size / 1000:.1f}"]
    for split, baseline in zip((data.validation, data.test), baselines, strict=True):
        found = answers(file, split)
        lost, gained = (baseline.hits & ~found.hits).sum(), (found.hits & ~baseline.hits).sum()
        cells += [f"{100 * found.top1:.2f}", f"{lost}, {gained}"]
    layers = [one for one in open_model_file(file).facts.operators if one.macs]
    floats = sum(one.arithmetic == "float" for one in layers)
    return f"| {' | '.join([*cells, f'{floats} of {len(layers)}', f'{seconds:.0f}'])} |"


if __name__ == "__main__":
    sys.exit(main())
