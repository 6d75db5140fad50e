"""Which int8 is fast and right? The schemes of ONNX Runtime side by side, with and without VNNI.

    python scripts/int8_schemes.py exported/mnist/mnist_float32.tflite exported/cifar10/cifar10_float32.tflite

Each float32 file is quantized in every scheme of cnnedge/studies/int8_schemes.py with the calibration images of its
data set; our own int8 ONNX files beside it join in. One run measures accuracy and latency of all of them on this
processor. The first --emulated images are classified once more on an emulated Haswell (AVX2, no VNNI; Debian's
qemu-user-static), where 16-bit sums may saturate: its answers count, its time says nothing. Writes Markdown to
--out.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.session import benchmark, data_facts
from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_onnx import convert_onnx_float32
from cnnedge.data import Dataset, pixels_of
from cnnedge.documents import Row
from cnnedge.files import write_atomically
from cnnedge.model.networks import MODELS
from cnnedge.progress import Progress
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import Score, answers_of
from cnnedge.studies.int8_schemes import SCHEMES, quantize_onnx

EMULATOR = "qemu-x86_64-static"
PROCESSOR = "Haswell"
CLASSIFY = """
import sys, numpy
from cnnedge.runtime.opening import open_runner
with open_runner(sys.argv[1]) as runner:
    numpy.save(sys.argv[3], runner.predict(numpy.load(sys.argv[2])).argmax(1))
"""
PREFACE = """# Which int8 the ONNX files hold, and why

Made by `python scripts/int8_schemes.py`; it says what each column is.

The int8 ONNX files use uint8 activations and int8 weights of **7 bits** (-63..63), one scale per output channel. On
x86 processors without VNNI, ONNX Runtime adds pairs of products in 16 bits: 2 x 255 x 127 = 64,770 saturates at
32,767 and answers change; 2 x 255 x 63 = 32,130 does not, so the answers are the same on every processor. The eighth
bit is lost on processors that would not have needed the care; the top-1 column shows what that costs. `u8u8` is exact
as well, but runs in slower kernels. `s8s8` is no way out: where its answers and times are those of `u8s8`, ONNX Runtime
has turned it into that and it saturates alike; where they are not, it is exact and slow. One scale per layer only makes
saturation rarer. Quantization-aware training loses nothing by it, because it trains on the 7-bit grid; where it gained
nothing and the post-training file was kept (cifar10-small), that one's loss stays.
"""
HEAD = (
    "| scheme | kB | top-1 % | p50 ms | x float32 | top-1 % here | top-1 % without VNNI | other answers |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="float32 .tflite files")
    parser.add_argument("--data", help="data set of files whose folder is not named after a network")
    parser.add_argument("--emulated", type=int, default=1000, metavar="N", help="images on the emulated processor")
    parser.add_argument("--out", type=Path, default=Path("runs/int8_schemes.md"))
    options = parser.parse_args()
    if shutil.which(EMULATOR) is None:
        parser.error(f"{EMULATOR} is not installed: apt install qemu-user-static")
    with tempfile.TemporaryDirectory(prefix="cnnedge-") as folder, console.progress() as progress:
        # All timings first: the emulations keep the processor busy for minutes.
        measured = [
            Measured(file, data_of(file, options.data), Path(folder) / str(number), progress)
            for number, file in enumerate(options.files)
        ]
        sections = [one.section(options.emulated, progress) for one in measured]
    text = "\n".join([PREFACE, *sections])
    write_atomically(options.out, text.encode())
    print(text)
    console.say(f"written: {options.out}")
    return 0


def data_of(file: Path, fallback: str | None) -> str:
    """The data set of the network that the folder is named after, else what --data says."""
    folder = file.resolve().parent.name
    if folder in MODELS:
        return MODELS[folder].dataset
    if fallback is None:
        raise SystemExit(f"{file} does not say which images it was made for: add --data {'|'.join(datasets.names())}")
    return fallback


class Measured:
    """The variants of one float32 file, in ``folder``, with their accuracy and latency on this processor."""

    def __init__(self, file: Path, data_name: str, folder: Path, progress: Progress) -> None:
        folder.mkdir()
        self.file, self.folder = file, folder
        self.data = datasets.load(data_name, progress=progress)
        self.variants = write_variants(file, self.data, folder)
        facts = data_facts(self.data, self.data.test)
        self.document = benchmark(candidates_for(self.variants), self.data.test, facts, progress=progress)

    def section(self, emulated: int, progress: Progress) -> str:
        """The Markdown section, after ``emulated`` images on the emulated processor for every variant."""
        rows = {row.file: row for row in self.document.rows}
        lines = []
        for number, variant in enumerate(self.variants):
            progress(f"{self.file.name} on an emulated {PROCESSOR}", number, len(self.variants))
            lines.append(table_line(variant, rows, answers_here_and_there(variant, self.data, emulated, self.folder)))
        progress(f"{self.file.name} on an emulated {PROCESSOR}", len(self.variants), len(self.variants))
        machine = self.document.machine
        about = (
            f"{len(self.data.test):,} test images of {self.data.name}, one thread, ONNX Runtime "
            f"{machine.packages['onnxruntime']}, on {machine.cpu} "
            f"({', '.join(machine.cpu_flags) or 'no flags that matter'}). The last three columns: the first "
            f"{emulated:,} images, here and on an emulated {PROCESSOR} (AVX2, no VNNI).\n"
        )
        remarks = "".join(f"\n{note}\n" for note in self.document.notes if note.startswith("Noisy"))
        return f"## {self.file.name}\n\n{about}\n{HEAD}{''.join(lines)}{remarks}"


def write_variants(file: Path, data: Dataset, folder: Path) -> list[Path]:
    """The float32 ONNX file, one file for each scheme, and our own int8 files from beside ``file``."""
    float32 = convert_onnx_float32(file.read_bytes())
    pixels = calibration_pixels(pixels_of(data.calibration))
    variants = [folder / "float32.onnx"]
    variants[0].write_bytes(float32)
    for scheme in SCHEMES:
        variants.append(folder / f"{scheme.name}.onnx")
        variants[-1].write_bytes(quantize_onnx(float32, pixels, scheme))
    own = file.parent.glob(file.name.replace("float32.tflite", "int8*.onnx")) if "float32" in file.name else []
    return variants + [Path(shutil.copy(path, folder)) for path in sorted(own)]


def answers_here_and_there(variant: Path, data: Dataset, count: int, folder: Path) -> tuple[float, float, int]:
    """Top-1 here and on the emulated processor, as fractions, and how many answers differ."""
    images, labels = pixels_of(data.test, count), data.test.labels[:count]
    with open_runner(variant) as runner:
        here = answers_of(runner.predict(images))
    pixels, answers = folder / "images.npy", folder / "answers.npy"
    np.save(pixels, images)
    subprocess.run(
        [EMULATOR, "-cpu", PROCESSOR, sys.executable, "-c", CLASSIFY, variant, pixels, answers],
        check=True,
        stderr=subprocess.DEVNULL,  # the emulator names each processor feature that it leaves out
    )
    there = np.load(answers)
    return Score(here, labels).top1, Score(there, labels).top1, int(np.sum(here != there))


def table_line(variant: Path, rows: dict[str, Row], answers: tuple[float, float, int]) -> str:
    row, float32 = rows[variant.name], rows["float32.onnx"]
    if row.error:
        return f"| {variant.stem} | {row.error} |\n"
    p50 = row.latency_ms.p50
    here, there, differ = answers
    return (
        f"| {variant.stem} | {row.size_bytes / 1000:.0f} | {100 * row.top1:.2f} | {p50:.3f} "
        f"| {p50 / float32.latency_ms.p50:.2f} | {100 * here:.1f} | {100 * there:.1f} | {differ} |\n"
    )


if __name__ == "__main__":
    sys.exit(main())
