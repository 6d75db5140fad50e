"""What memory labelled photos take, whatever their number: 100,000 JPEGs of 224 x 224 in two .tar shards, made here.

    python scripts/data_memory.py [--photos 100000] [--commands data,export,search,benchmark,photos]
                                  [--network small|mobilenetv2] [--side 224]

`data` decodes every photo, as all others do first; `export`, `search`, `benchmark` take a network of one convolution or
a MobileNetV2 of random weights, with all that may be searched; `photos` trains one for an epoch, on the same photos in
a folder. Ends with exit code 1 above 1.5 GB.
"""

import argparse
import io
import multiprocessing
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import keras

LIMIT_MB = 1500
SIZE = 224
CLASSES = ("dark", "light")
# Of a picture as bright as most of its class.
LOGITS = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000, help="how many")
    parser.add_argument("--commands", default="data", help="comma-separated; benchmark comes after export")
    parser.add_argument("--network", choices=NETWORKS, default="small", help="what is exported and searched")
    parser.add_argument("--side", type=int, default=SIZE, help="of the pictures that it takes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["CNNEDGE_DATA"] = str(folder / "kept")
        for part, count in (("train", options.photos * 4 // 5), ("test", options.photos // 5)):
            write_shard(folder / f"{part}-0.tar", count, seed=count)
        shards = str(folder / "*.tar")
        # In a process of its own, since a process begins with the peak of the one that started it.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            process.submit(write_network, options.network, options.side, folder / "net.keras").result()
        lines = command_lines(folder, shards, options.network)
        peaks = [measure(*lines[name]()) for name in options.commands.split(",")]
    return int(max(peaks) > LIMIT_MB)


def command_lines(folder: Path, shards: str, network: str) -> dict[str, Callable[[], tuple[str, ...]]]:
    """By name; made when they are asked for, as `photos` needs a folder of files first."""
    net, out, int8 = str(folder / "net.keras"), str(folder / "out"), ("--precision", "int8", "--format", "tflite")
    searched = int8 if network == "small" else ()
    return {
        "data": lambda: ("data", shards, "--size", str(SIZE)),
        "export": lambda: ("export", net, "--data", shards, *int8, "--out", out),
        "search": lambda: ("search", net, "--data", shards, *searched, "--no-qat", "--out", f"{out}-search"),
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


def write_network(name: str, side: int, path: Path) -> None:
    """One for ``side`` x ``side`` that tells dark from light by the means of its last map."""
    import keras

    keras.utils.set_random_seed(0)
    image, features = NETWORKS[name](side)
    answer = keras.layers.Dense(len(CLASSES), activation="softmax")
    network = keras.Model(image, answer(features))
    dark, light = (keras.Model(image, features)(pictures.astype("float32")) for pictures in samples(side))
    apart = np.mean(light, axis=0) - np.mean(dark, axis=0)
    towards = LOGITS * apart / np.vdot(apart, apart)
    middle = (np.vdot(np.mean(light, axis=0), towards) + np.vdot(np.mean(dark, axis=0), towards)) / 2
    answer.set_weights([np.stack([-towards, towards], axis=1), np.array([middle, -middle])])
    network.save(path)


def samples(side: int) -> Iterator[np.ndarray]:
    """For each class uint8 (8, side, side, 3)."""
    coarse = list(coarse_pictures(np.random.default_rng(0), 16))
    sized = [np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR)) for one in coarse]
    return (np.stack(sized[number :: len(CLASSES)]) for number in range(len(CLASSES)))


def small(side: int) -> tuple["keras.KerasTensor", "keras.KerasTensor"]:
    """One convolution: the mean of all pixels, 64 or 164, is in every channel."""
    import keras

    image = keras.Input((side, side, 3))
    same = keras.initializers.Constant(1 / (7 * 7 * 3))
    patches = keras.layers.Conv2D(4, 7, strides=7, activation="relu", kernel_initializer=same)
    return image, keras.layers.GlobalAveragePooling2D()(patches(image))


def mobilenetv2(side: int) -> tuple["keras.KerasTensor", "keras.KerasTensor"]:
    """Random weights under batch statistics of random pictures."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import keras

    from tests.support.tutorials import settled

    base = keras.applications.MobileNetV2(input_shape=(side, side, 3), weights=None, include_top=False, pooling="avg")
    base = settled(base, side)
    return base.inputs[0], base.outputs[0]


NETWORKS = {"small": small, "mobilenetv2": mobilenetv2}


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
