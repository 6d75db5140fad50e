"""What the recipe costs on top of bare Keras: images a second of both, on this machine and backend.

    python scripts/training_speed.py [MODEL ..] [--images N] [--rounds N] [--half]
    KERAS_BACKEND=jax python scripts/training_speed.py cifar10

"bare" is `fit` on float32 arrays in memory with plain SGD: no augmentation, no average of the weights, no validation,
and Keras's own batch normalization. "recipe" is the full preset as `cnnedge train` runs it: augmentation, decay,
average, validation, and on TensorFlow its one kernel for batch normalization. With --half the recipe is measured with
`train --half` as well: bfloat16, for which some processors have units of their own. They take turns. Ends with
exit code 1 if the recipe reaches less than 0.9 of bare. The time of an epoch is the recipe's on all training images.
Nothing is kept; run it on a quiet machine.
"""

import argparse
import csv
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.examples import script
from cnnedge.progress import Progress

if TYPE_CHECKING:
    from cnnedge.data import Dataset
    from cnnedge.training.recipes import Recipe

LEAST = 0.9
# The first epoch compiles; those after it count.
EPOCHS = 3
VALIDATION_IMAGES = 250


def main(options: argparse.Namespace) -> int:
    from cnnedge.model.backend import require_keras
    from cnnedge.training.recipes import recipe

    backend, slow = require_keras(), []
    for model in options.models:
        chosen = recipe(model, "full", epochs=EPOCHS)
        with console.progress() as progress:
            data = load_model_data(model, chosen, progress)
            few = part(data, options.images)
            bare, half, whole = [], [], []
            for number in range(options.rounds):
                progress(f"{model} on {backend}", number, options.rounds)
                bare.append(bare_rate(model, few, chosen))
                whole.append(recipe_rate(model, few, chosen))
                half += [recipe_rate(model, few, dataclasses.replace(chosen, half=True))] if options.half else []
            progress(f"{model} on {backend}", options.rounds, options.rounds)
        ratio = statistics.median(one / other for one, other in zip(whole, bare, strict=True))
        pace = statistics.median(whole)
        in_half = f", in bfloat16 {statistics.median(half):,.0f} images/s" if half else ""
        print(
            f"{model} on {backend}: bare {statistics.median(bare):,.0f} images/s, "
            f"recipe {pace:,.0f} images/s{in_half}, "
            f"ratio {ratio:.2f} (least {LEAST}), {len(data.train) / pace:.0f} s an epoch of {len(data.train):,}",
            flush=True,
        )
        slow += [model] * (ratio < LEAST)
    return int(bool(slow))


def load_model_data(model: str, recipe: "Recipe", progress: Progress) -> "Dataset":
    from cnnedge.model.networks import model_spec

    spec = model_spec(model)
    return datasets.load(
        spec.dataset, image_shape=spec.input_shape, calibration=recipe.calibration_images, progress=progress
    )


def part(data: "Dataset", images: int) -> "Dataset":
    """The first ``images`` training images and a few for validation."""
    return dataclasses.replace(
        data,
        train=data.train.take(np.arange(min(images, len(data.train)))),
        validation=data.validation.take(np.arange(min(VALIDATION_IMAGES, len(data.validation)))),
    )


def bare_rate(model: str, data: "Dataset", recipe: "Recipe") -> float:
    """Images a second of ``fit`` on arrays, after an epoch that compiles."""
    import keras

    from cnnedge.model.networks import build_model
    from cnnedge.training.fit import jit_compile

    network = build_model(model)
    optimizer = keras.optimizers.SGD(recipe.peak_learning_rate / 100, momentum=recipe.momentum, nesterov=True)
    network.compile(optimizer=optimizer, loss="categorical_crossentropy", jit_compile=jit_compile())
    steps = len(data.train) // recipe.batch_size
    images = datasets.pixels_of(data.train, steps * recipe.batch_size).astype(np.float32)
    one_hot = np.eye(len(data.labels), dtype=np.float32)[data.train.labels[: len(images)]]
    seconds = []
    for _ in range(EPOCHS):
        begun = time.perf_counter()
        network.fit(images, one_hot, batch_size=recipe.batch_size, verbose=0)
        seconds.append(time.perf_counter() - begun)
    return len(images) / statistics.median(seconds[1:])


def recipe_rate(model: str, data: "Dataset", recipe: "Recipe") -> float:
    """Images a second of the whole training, by its own history."""
    from cnnedge.training import checkpoint
    from cnnedge.training.fit import train
    from cnnedge.training.job import TrainingJob

    with tempfile.TemporaryDirectory() as folder:
        train(TrainingJob(model, recipe), data, folder=Path(folder))
        with (Path(folder) / checkpoint.HISTORY).open() as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    images = len(data.train) // recipe.batch_size * recipe.batch_size
    return images / statistics.median(seconds[1:])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("models", nargs="*", default=["mnist", "cifar10"], metavar="MODEL", help="default: mnist cifar10")
    option("--images", type=script.count, default=12_800, metavar="N", help="training images used; default: 12800")
    option("--rounds", type=script.count, default=3, metavar="N", help="how often the two take turns; default: 3")
    option("--half", action="store_true", help="the recipe in bfloat16 as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
