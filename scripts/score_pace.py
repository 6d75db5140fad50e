"""How fast `cnnedge score` labels, beside the bare loop "decode with Pillow, one invoke", in turns.

    python scripts/score_pace.py exported/cifar10/cifar10_int8.tflite [--pictures 5000] [--photos 20] [--workers 2]
    python scripts/score_pace.py --decode [--pictures 2000] [--photos 100]

For PNGs of 32 x 32 pixels and for JPEGs of 12 megapixels, made here. Ours is what a worker of `score` does, listing
and writing of the part included, opening the file too; with two, the rate from the first report of progress on, when
their processes have started. The bare loop is one process. Ends with exit code 1 if a worker reaches less than 0.9 of
the bare loop, or two on two cores less than 1.8 of it. On a busy machine only the pictures a second of CPU time tell
something, and those of one worker.

--decode: instead, how fast labelled pictures are decoded to 224 x 224 as training and export read them, JPEGs of 256 x
256 and of 12 megapixels, beside a bare loop of Pillow in two threads. Ends with exit code 1 below 0.9 of it.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from cnnedge.data.folder_split import FolderSplit, PictureFiles
from cnnedge.data.sources import open_source
from cnnedge.data.sources.entry import Entry
from cnnedge.scoring.bulk.inventory import NAME, write_inventory
from cnnedge.scoring.bulk.labelling import label_all
from cnnedge.scoring.bulk.order import Order
from cnnedge.scoring.bulk.part import Labeller

ROUNDS = 5
# Pixels a side, and pictures a batch, of --decode.
SIDE, BATCH = 224, 64
LEAST = {1: 0.9, 2: 1.8}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="a .tflite file")
    parser.add_argument("--decode", action="store_true", help="decode alone")
    parser.add_argument("--pictures", type=int, default=5000, help="PNGs: what a part holds")
    parser.add_argument("--photos", type=int, default=20, help="JPEGs")
    parser.add_argument("--workers", type=int, default=1, choices=sorted(LEAST))
    options = parser.parse_args()
    if options.decode:
        return decoding(options.pictures, options.photos)
    if options.file is None:
        parser.error("expected a .tflite file, or --decode")
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


def decoding(pictures: int, photos: int) -> int:
    slow = False
    for what, make, count in (("JPEG 256", small_jpeg, pictures), ("JPEG 12 MP", jpeg, photos)):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), count)
            files = sorted(map(str, Path(folder).iterdir()))
            ways = partial(decode_bare, files), partial(decode_ours, files)
            rounds = [[seconds(way) for way in ways] for _ in range(ROUNDS)]
        bare, ours = (count / min(wall for wall, _ in side) for side in zip(*rounds, strict=True))
        cpu = statistics.median(plain / own for (_, plain), (_, own) in rounds)
        slow |= ours < LEAST[1] * bare
        print(f"{what:<12} bare {bare:8.1f}/s  ours {ours:8.1f}/s  {ours / bare:.2f}; by CPU time {cpu:.2f}")
    return int(slow)


def small_jpeg(folder: Path, count: int) -> None:
    """Sixteen pictures under many names."""
    random = np.random.default_rng(0)
    for number in range(16):
        coarse = Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8))
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
    for number in range(16, count):
        (folder / f"{number}.jpg").hardlink_to(folder / f"{number % 16}.jpg")


def decode_bare(files: list[str]) -> None:
    """Blocks of 64, as ours; a block at a time, or thousands of pictures would wait in memory."""
    with ThreadPoolExecutor(2) as threads:
        for start in range(0, len(files), BATCH):
            np.stack(list(threads.map(plain_pixels, files[start : start + BATCH])))


def plain_pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def decode_ours(files: list[str]) -> None:
    """Nothing of it kept in memory."""
    pictures = PictureFiles([Entry(file, file) for file in files], (SIDE, SIDE, 3), kept_bytes=0)
    for _ in FolderSplit(pictures, np.arange(len(files)), np.zeros(len(files), np.int64)).batches(BATCH):
        pass


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
