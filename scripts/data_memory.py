"""What memory labelled photos take, whatever their number: 100,000 JPEGs of 224 x 224 in two .tar shards, made here.

    python scripts/data_memory.py [--photos 100000] [--export]

The peak is that of `cnnedge data`, which decodes every photo, as training, export, benchmark and search do first; with
--export also that of `cnnedge export` of a small network that takes 224 x 224. Ends with exit code 1 above 1.5 GB.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

LIMIT_MB = 1500
SIZE = 224
CLASSES = ("dark", "light")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000, help="how many")
    parser.add_argument("--export", action="store_true", help="also export a network with them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["CNNEDGE_DATA"] = str(folder / "kept")
        for part, count in (("train", options.photos * 4 // 5), ("test", options.photos // 5)):
            write_shard(folder / f"{part}-0.tar", count, seed=count)
        shards = str(folder / "*.tar")
        peaks = [measure("data", shards, "--size", str(SIZE))]
        if options.export:
            write_network(folder / "net.keras")
            asked = ("--precision", "int8", "--format", "tflite", "--out", str(folder / "out"))
            peaks.append(measure("export", str(folder / "net.keras"), "--data", shards, *asked))
    return int(max(peaks) > LIMIT_MB)


def write_shard(path: Path, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    with tarfile.open(path, "w") as archive, ThreadPoolExecutor() as threads:
        for number, content in enumerate(threads.map(photo, coarse_pictures(random, count))):
            member = tarfile.TarInfo(f"{CLASSES[number % 2]}/{number}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def coarse_pictures(random: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    return (random.integers(0, 128, (14, 14, 3), np.uint8) + np.uint8(100 * (number % 2)) for number in range(count))


def photo(coarse: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(stream, "JPEG", quality=80)
    return stream.getvalue()


def write_network(path: Path) -> None:
    import keras

    image = keras.Input((SIZE, SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 7, strides=7, activation="relu")(image))
    keras.Model(image, keras.layers.Dense(len(CLASSES), activation="softmax")(pooled)).save(path)


def measure(*words: str) -> float:
    """The peak MB (resident) of one ``cnnedge`` command."""
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "cnnedge", *words], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"cnnedge {' '.join(words)} ended with {process.returncode}")
    peak = usage.ru_maxrss / 1000
    print(f"cnnedge {words[0]:<8} {peak:8.0f} MB at most  {time.perf_counter() - begun:8.1f} s  (limit {LIMIT_MB} MB)")
    return peak


if __name__ == "__main__":
    sys.exit(main())
