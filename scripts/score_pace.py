"""How fast `cnnedge score` labels, beside the bare loop "decode with Pillow, one invoke", in turns.

    python scripts/score_pace.py exported/cifar10/cifar10_int8.tflite [--pictures 2000] [--photos 40] [--workers 2]

For PNGs of 32 x 32 pixels and for JPEGs of 12 megapixels, made here. Ours is what a worker of `score` does, listing,
start and writing of the part included; the bare loop is one process. Ends with exit code 1 if a worker reaches less
than 0.9 of the bare loop, or two on two cores less than 1.8 of it.
"""

import argparse
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

ROUNDS = 3
LEAST = {1: 0.9, 2: 1.8}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .tflite file")
    parser.add_argument("--pictures", type=int, default=2000, help="PNGs")
    parser.add_argument("--photos", type=int, default=40, help="JPEGs")
    parser.add_argument("--workers", type=int, default=1, choices=sorted(LEAST))
    options = parser.parse_args()
    slow = False
    for what, make, count in (("PNG 32 x 32", png, options.pictures), ("JPEG 12 MP", jpeg, options.photos)):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), count)
            bare, ours = compare(options.file, Path(folder), count, options.workers)
        slow |= ours < LEAST[options.workers] * bare
        print(f"{what:<12} bare {bare:8.1f}/s  score {ours:8.1f}/s  {ours / bare:.2f} with {options.workers} worker(s)")
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


def compare(file: Path, folder: Path, count: int, workers: int) -> tuple[float, float]:
    """Pictures a second of the bare loop and of ours, the best of rounds taken in turn."""
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(count / seconds(lambda: bare_loop(file, folder)))
        ours.append(count / (one_worker if workers == 1 else crew)(file, folder, workers))
    return max(bare), max(ours)


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


def one_worker(file: Path, folder: Path, _: int) -> float:
    """Seconds of the work that `score` gives to a worker."""
    with tempfile.TemporaryDirectory() as out:
        order = Order(file, str(folder), Path(out), part_rows=10**6)
        begun = time.perf_counter()
        write_inventory(order.out / NAME, open_source(order.source), None, order.part_rows)
        Labeller(order).label(0)
        return time.perf_counter() - begun


def crew(file: Path, folder: Path, workers: int) -> float:
    """Seconds of the whole labelling but for the start of its processes, which is over once for any number."""
    with tempfile.TemporaryDirectory() as out:
        parts = max(1, len(list(folder.iterdir())) // (4 * workers))
        return label_all(Order(file, str(folder), Path(out) / "out", part_rows=parts), workers=workers).seconds


def seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
