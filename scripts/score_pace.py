"""How fast `cnnedge score` labels, beside the bare loop "decode with Pillow, one invoke", in turns.

    python scripts/score_pace.py exported/cifar10/cifar10_int8.tflite [--pictures 5000] [--photos 20] [--workers 2]

For PNGs of 32 x 32 pixels and for JPEGs of 12 megapixels, made here. Ours is what a worker of `score` does, listing
and writing of the part included, opening the file too; with two, the rate from the first report of progress on, when
their processes have started. The bare loop is one process. Ends with exit code 1 if a worker reaches less than 0.9 of
the bare loop, or two on two cores less than 1.8 of it. On a busy machine only the pictures a second of CPU time tell
something, and those of one worker.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cnnedge.data.sources import open_source
from cnnedge.scoring.bulk.inventory import NAME, write_inventory
from cnnedge.scoring.bulk.labelling import label_all
from cnnedge.scoring.bulk.order import Order
from cnnedge.scoring.bulk.part import Labeller

ROUNDS = 5
LEAST = {1: 0.9, 2: 1.8}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .tflite file")
    parser.add_argument("--pictures", type=int, default=5000, help="PNGs: what a part holds")
    parser.add_argument("--photos", type=int, default=20, help="JPEGs")
    parser.add_argument("--workers", type=int, default=1, choices=sorted(LEAST))
    options = parser.parse_args()
    slow = False
    for what, make, count in (("PNG 32 x 32", png, options.pictures), ("JPEG 12 MP", jpeg, options.photos)):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), count)
            bare, ours, cpu = compare(options.file, Path(folder), count, options.workers)
        slow |= ours < LEAST[options.workers] * bare
        print(
            f"{what:<12} bare {bare:8.1f}/s  score {ours:8.1f}/s  {ours / bare:.2f} with {options.workers} worker(s)"
            + (f"; by CPU time {cpu:.2f}" if cpu else "")
        )
    return int(slow)


def png(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number}.png")


def jpeg(folder: Path, count: int) -> None:
    """One photo-like picture of 4000 x 3000 under many names: decoding does not know."""
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
    coarse.resize((4000, 3000), Image.Resampling.BICUBIC).save(folder / "0.jpg", quality=90)
    for number in range(1, count):
        (folder / f"{number}.jpg").hardlink_to(folder / "0.jpg")


def compare(file: Path, folder: Path, count: int, workers: int) -> tuple[float, float, float]:
    """Pictures a second of the bare loop and of ours, the best of rounds taken in turn; and, for one worker, the median
    over the rounds of the bare loop's CPU time over ours."""
    bare, ours, ratios = [], [], []
    for _ in range(ROUNDS):
        wall, bare_cpu = seconds(lambda: bare_loop(file, folder))
        bare.append(count / wall)
        if workers == 1:
            wall, cpu = seconds(lambda: one_worker(file, folder))
            ours.append(count / wall)
            ratios.append(bare_cpu / cpu)
        else:
            ours.append(crew(file, folder, workers))
    return max(bare), max(ours), statistics.median(ratios) if ratios else 0.0


def bare_loop(file: Path, folder: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    given, taken = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    _, height, width, channels = given["shape"]
    for path in folder.iterdir():
        with Image.open(path) as picture:
            plain = picture.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(plain).reshape(1, height, width, channels)
        interpreter.set_tensor(given["index"], pixels.astype(given["dtype"], copy=False))
        interpreter.invoke()
        interpreter.get_tensor(taken)


def one_worker(file: Path, folder: Path) -> None:
    """The work that `score` gives to a worker."""
    with tempfile.TemporaryDirectory() as out:
        order = Order(file, str(folder), Path(out), part_rows=10**6)
        write_inventory(order.out / NAME, open_source(order.source), None, order.part_rows)
        Labeller(order).label(0)


def crew(file: Path, folder: Path, workers: int) -> float:
    """Pictures a second of the whole labelling, from the first progress on."""
    reports: list[tuple[float, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "label pictures" and done:
            reports.append((time.perf_counter(), done))

    with tempfile.TemporaryDirectory() as out:
        rows = max(1, len(list(folder.iterdir())) // (8 * workers))
        label_all(Order(file, str(folder), Path(out) / "out", part_rows=rows), workers=workers, progress=progress)
    (begun, before), (ended, after) = reports[0], reports[-1]
    return (after - before) / (ended - begun)


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Of the clock, and of this process's CPU time."""
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    sys.exit(main())
