"""What memory labelled photos take, whatever their number: 100,000 JPEGs of 224 x 224 in two .tar shards, made here.

    python scripts/data_memory.py [--photos 100000] [--commands data,export,search,benchmark,photos]

`data` decodes every photo, as all others do first; `export`, `search`, `benchmark` take a small network for 224 x 224,
`photos` trains one for an epoch, on the same photos in a folder. Ends with exit code 1 above 1.5 GB.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
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
    parser.add_argument("--commands", default="data", help="comma-separated; benchmark comes after export")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["CNNEDGE_DATA"] = str(folder / "kept")
        for part, count in (("train", options.photos * 4 // 5), ("test", options.photos // 5)):
            write_shard(folder / f"{part}-0.tar", count, seed=count)
        shards = str(folder / "*.tar")
        write_network(folder / "net.keras")
        lines = command_lines(folder, shards)
        peaks = [measure(*lines[name]()) for name in options.commands.split(",")]
    return int(max(peaks) > LIMIT_MB)


def command_lines(folder: Path, shards: str) -> dict[str, Callable[[], tuple[str, ...]]]:
    """By name; made when they are asked for, as `photos` needs a folder of files first."""
    net, out, int8 = str(folder / "net.keras"), str(folder / "out"), ("--precision", "int8", "--format", "tflite")
    return {
        "data": lambda: ("data", shards, "--size", str(SIZE)),
        "export": lambda: ("export", net, "--data", shards, *int8, "--out", out),
        "search": lambda: ("search", net, "--data", shards, *int8, "--no-qat", "--out", f"{out}-search"),
        "benchmark": lambda: ("benchmark", f"{out}/net", "--data", shards, "--num-runs", "20"),
        "photos": lambda: (
            "photos", str(unpacked(folder)), "--size", str(SIZE), "--base", "none", "--epochs", "1", "--out",
            f"{out}-photos", "--max-drop", "100",
        ),
    }  # fmt: skip


def unpacked(folder: Path) -> Path:
    """The photos of both shards as files."""
    for part in ("train", "test"):
        with tarfile.open(folder / f"{part}-0.tar") as archive:
            archive.extractall(folder / "pictures" / part, filter="data")
    return folder / "pictures"


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
    """One that tells dark from light: the mean of all pixels, 64 or 164, decides."""
    import keras

    image = keras.Input((SIZE, SIZE, 3))
    patches = keras.layers.Conv2D(
        4, 7, strides=7, activation="relu", kernel_initializer=keras.initializers.Constant(1 / (7 * 7 * 3))
    )
    answer = keras.layers.Dense(len(CLASSES), activation="softmax")
    network = keras.Model(image, answer(keras.layers.GlobalAveragePooling2D()(patches(image))))
    answer.set_weights([np.full((4, 2), [-0.01, 0.01]), np.array([4.56, -4.56])])
    network.save(path)


def measure(*words: str) -> float:
    """The peak MB (resident) of one ``cnnedge`` command."""
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "cnnedge", *words], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"cnnedge {' '.join(words)} ended with {process.returncode}")
    peak = usage.ru_maxrss / 1000
    print(
        f"cnnedge {words[0]:<8} {peak:8.0f} MB at most  {time.perf_counter() - begun:8.1f} s  (limit {LIMIT_MB} MB)",
        flush=True,
    )
    return peak


if __name__ == "__main__":
    sys.exit(main())
