"""What int8 costs a trained MobileNet: a small MobileNetV2, trained on CIFAR-10 here and exported with --qat.

    python scripts/mobilenet_loss.py OUT [--epochs 8]

Its inverted residuals have depthwise convolutions, ReLU6 and linear bottlenecks, which post-training quantization finds
hardest. Ends with exit code 1 where an int8 file loses more than 1.0 point of top-1 on all test images by post-training
quantization, or more than 0.3 by quantization-aware training. A trained OUT/mobilenet.keras is not trained again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.examples import script

if TYPE_CHECKING:
    import keras

    from cnnedge.data import Dataset
    from cnnedge.progress import Progress
    from cnnedge.training.recipes import Recipe

NAME = "mobilenet"
# Percentage points of top-1 that an int8 file may lose.
MOST_BY_CALIBRATION, MOST_BY_TRAINING = 1.0, 0.3
# (expansion, channels, blocks, stride of the first) as in Table 2 of arXiv 1801.04381, thinner, and for 32 x 32 pixels:
# the first convolution keeps their size.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 1), (6, 48, 2, 2), (6, 64, 1, 1))
HEAD = 256


def main(options: argparse.Namespace) -> int:
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.training.recipes import recipe

    require_tensorflow()
    path = options.out / f"{NAME}.keras"
    options.out.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        chosen = recipe("cifar10-small", "full", epochs=options.epochs)
        with console.progress() as progress:
            trained(datasets.load("cifar10", progress=progress), chosen, progress).save(path)
    options_of_export = ["--data", "cifar10", "--precision", "int8", "--qat", "--keep-losses", "--overwrite", "--out"]
    command = [sys.executable, "-m", "cnnedge", "export", str(path), *options_of_export, str(options.out)]
    subprocess.run(command, check=True)
    files = json.loads((options.out / NAME / "manifest.json").read_text())["files"]
    int8 = {name: facts for name, facts in files.items() if facts["precision"].startswith("int8")}
    failed = [name for name, facts in int8.items() if loses_too_much(name, facts, files[path.name]["top1"])]
    return int(len(failed) > 0)


def network() -> "keras.Model":
    """Raw pixels ``(N, 32, 32, 3)`` 0..255 to probabilities ``(N, 10)``; a multiple of its input is inside."""
    import keras

    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = convolution(x, 16)
    for expansion, channels, blocks, stride in STAGES:
        for block in range(blocks):
            x = inverted_residual(x, expansion, channels, stride if block == 0 else 1)
    x = keras.layers.GlobalAveragePooling2D()(convolution(x, HEAD, size=1))
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(x), name=NAME)


def convolution(x: Any, channels: int, size: int = 3) -> Any:
    from keras import layers

    x = layers.Conv2D(channels, size, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))


def inverted_residual(x: Any, expansion: int, channels: int, stride: int) -> Any:
    from keras import layers

    begun, y = x, x if expansion == 1 else convolution(x, expansion * x.shape[-1], size=1)
    y = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer="he_normal"
    )(y)  # fmt: skip
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.Conv2D(channels, 1, use_bias=False, kernel_initializer="he_normal")(y)
    y = layers.BatchNormalization()(y)
    return layers.Add()([begun, y]) if begun.shape == y.shape else y


def trained(data: "Dataset", recipe: "Recipe", progress: "Progress") -> "keras.Model":
    """The network after ``recipe`` on ``data.train``, with the average of its weights."""
    import keras

    from cnnedge.training.batches import AugmentedBatches
    from cnnedge.training.fit import estimate_statistics, jit_compile, make_optimizer
    from cnnedge.training.learner import learner_of

    keras.utils.set_random_seed(0)
    model, steps = network(), len(data.train) // recipe.batch_size
    learner = learner_of(model, half=False)
    learner.compile(
        make_optimizer(recipe, steps), "categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile()
    )
    batches = AugmentedBatches(
        data.train, num_classes=len(data.labels), batch_size=recipe.batch_size, augmentation=recipe.augmentation, seed=0
    )
    shown = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: progress(
            f"epoch, accuracy {logs['accuracy']:.1%} of training", epoch + 1, recipe.epochs
        )
    )
    learner.fit(batches, steps_per_epoch=steps, epochs=recipe.epochs, shuffle=False, callbacks=[shown], verbose=0)
    model.set_weights(learner.get_weights())
    estimate_statistics(model, batches, epoch=recipe.epochs)
    return model


def loses_too_much(name: str, facts: dict[str, Any], keras_top1: float) -> bool:
    """Print what an int8 file lost of the top-1 of the network; whether that is more than it may."""
    most, lost = MOST_BY_TRAINING if facts["qat"] else MOST_BY_CALIBRATION, 100 * (keras_top1 - facts["top1"])
    print(f"{name}: {100 * facts['top1']:.2f} % right, {lost:.2f} points lost, {most} allowed")
    return bool(lost > most)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="for the trained network and its files")
    parser.add_argument("--epochs", type=script.count, default=8, metavar="N", help="default: 8")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
