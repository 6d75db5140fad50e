"""Images a second of each change that a recipe can make to training images, beside Keras's layers that do the same.

    python scripts/augmentation_speed.py [--size 32] [--batch 128] [--rounds 30]

One batch of random colour images, over and over; medians, all in one process and taking turns. "step" is what makes
float32 images and labels of it, ours with numpy and Pillow in the thread that makes batches, Keras's as a layer called
with a batch on the backend. A training must be slower than the slowest it uses, or wait for its images.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnedge.examples import script


def main(options: argparse.Namespace) -> int:
    from cnnedge.model.backend import require_keras

    backend = require_keras()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (options.batch, options.size, options.size, 3), np.uint8)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, options.batch)]
    steps = our_steps(images, labels) | keras_steps(images.astype(np.float32), labels)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds + 1):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - begun)
    print(f"{'images/s':>9}  step, {options.size} x {options.size} x 3, batches of {options.batch}, Keras on {backend}")
    for name, found in seconds.items():
        print(f"{options.batch / statistics.median(found[1:]):9,.0f}  {name}")  # the first traces and compiles
    return 0


def our_steps(images: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], Any]]:
    from cnnedge.training.augment import augment
    from cnnedge.training.mixing import mix
    from cnnedge.training.recipes import Augmentation

    mirrored = np.arange(len(images)) % 2 == 0
    rng = np.random.default_rng(0)

    def step(changes: dict[str, Any]) -> Callable[[], Any]:
        augmentation = Augmentation(**changes)
        return lambda: mix(augment(images, augmentation, mirrored, rng).astype(np.float32), labels, augmentation, rng)

    tried: tuple[dict[str, Any], ...] = (
        {"shift": 4, "flip": True}, {"cutout": 8}, {"rotate": 10, "zoom": 0.1}, {"trivial": True}, {"erase": 0.25},
        {"mixup": 0.2}, {"cutmix": 1.0},
        {"shift": 4, "flip": True, "trivial": True, "erase": 0.25, "mixup": 0.2, "cutmix": 1.0},
    )  # fmt: skip
    return {
        "ours: " + ", ".join(f"{name} {value}" for name, value in changes.items()): step(changes) for changes in tried
    }


def keras_steps(images: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], Any]]:
    from keras import layers

    alone = {
        "RandomTranslation": layers.RandomTranslation(0.125, 0.125, seed=0),
        "RandomFlip": layers.RandomFlip("horizontal", seed=0),
        "RandomRotation": layers.RandomRotation(10 / 360, seed=0),
        "RandomErasing": layers.RandomErasing(seed=0),
        "RandAugment, 1 operation": layers.RandAugment(num_ops=1, seed=0),
    }
    mixed = {"MixUp": layers.MixUp(seed=0), "CutMix": layers.CutMix(seed=0)}

    def both(layer: Any) -> Callable[[], Any]:
        return lambda: np.asarray(layer({"images": images, "labels": labels}, training=True)["images"])

    def one(layer: Any) -> Callable[[], Any]:
        return lambda: np.asarray(layer(images, training=True))

    return {f"Keras: {name}": one(layer) for name, layer in alone.items()} | {
        f"Keras: {name}": both(layer) for name, layer in mixed.items()
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--size", type=script.count, default=32, metavar="PIXELS", help="height and width; default: 32")
    option("--batch", type=script.count, default=128, metavar="N", help="images at once; default: 128")
    option("--rounds", type=script.count, default=30, metavar="N", help="how often each is timed; default: 30")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
