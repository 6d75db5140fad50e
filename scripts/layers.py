"""Every layer that image classifiers use, alone in a small trained network: does each file answer as Keras does?

    python scripts/layers.py [LAYER ..] [--out exported/LAYERS.md]

A convolution, the layer, another convolution and a dense head, trained on 700 digits of the package and exported
without quantization-aware training; 500 others are classified by Keras and by every file. Prints a row for each layer.
Ends with exit code 1 if a float file gives another answer anywhere, or if the two int8 files surely agree on less than
99 % (the upper end of Wilson's 95 % interval).
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.console import show
from cnnedge.data import ArraySplit, Dataset, pixels_of
from cnnedge.files import write_atomically
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.accuracy import wilson_interval
from cnnedge.training.recipes import Recipe

sys.path.insert(0, str(Path(__file__).parents[1]))  # a package of that name is installed too
from tests.support.digits import digits
from tests.support.planted import searchable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FLOATS = ("float32.tflite", "float16.tflite", "float32.onnx")
INTEGERS = ("int8.tflite", "int8.onnx")
COLUMNS = ("float32.tflite", "float16.tflite", "dynamic.tflite", "int8.tflite", "int16x8.tflite", "float32.onnx",
           "int8.onnx")  # fmt: skip
LEAST = 0.99
PREFACE = """# Every layer, in every file

Made by `python scripts/layers.py`, which says what the networks are. Answers that are Keras's own, of 500 digits, in %;
the last column: of the two int8 files, the same answers. The ONNX file's weights have 7 bits, its scales are the
TFLite file's.

"""


def named_layers() -> dict[str, Callable[[Any], Any]]:
    """What is put behind the first convolution, by the name of its row; each takes and gives a tensor of Keras."""
    from keras import layers as keras_layers

    def convolution(x: Any) -> Any:
        return keras_layers.Conv2D(16, 3, padding="same")(x)

    def alone(make: str, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
        return lambda x: getattr(keras_layers, make)(*arguments, **options)(x)

    def behind(make: str, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
        return lambda x: getattr(keras_layers, make)(*arguments, **options)(convolution(x))

    def beside(make: str) -> Callable[[Any], Any]:
        return lambda x: getattr(keras_layers, make)()([x, convolution(x)])

    def normalized(x: Any) -> Any:
        return keras_layers.BatchNormalization()(beside("Concatenate")(x))

    def brightened(x: Any) -> Any:
        return keras_layers.Add()([x, keras_layers.GlobalMaxPooling2D(keepdims=True)(x)])

    def squeezed(x: Any) -> Any:
        pooled = keras_layers.GlobalAveragePooling2D(keepdims=True)(x)
        return keras_layers.Multiply()([x, keras_layers.Dense(16, activation="sigmoid")(pooled)])

    def attended(x: Any) -> Any:
        places = keras_layers.Reshape((169, 16))(x)
        return keras_layers.Add()([places, keras_layers.MultiHeadAttention(2, 8)(places, places)])

    activations = (
        "relu6",
        "elu",
        "selu",
        "silu",
        "gelu",
        "mish",
        "hard_silu",
        "hard_sigmoid",
        "tanh",
        "sigmoid",
        "softplus",
    )
    return {
        "Conv2D, strides": alone("Conv2D", 16, 3, strides=2),
        "Conv2D, dilated": alone("Conv2D", 16, 3, dilation_rate=2),
        "Conv2D, groups": alone("Conv2D", 16, 3, groups=4),
        "DepthwiseConv2D": alone("DepthwiseConv2D", 3),
        "DepthwiseConv2D, multiplier": alone("DepthwiseConv2D", 3, depth_multiplier=2),
        "SeparableConv2D": alone("SeparableConv2D", 24, 3),
        "Conv2DTranspose": alone("Conv2DTranspose", 16, 3, strides=2),
        "Dense on a map": alone("Dense", 24, activation="relu"),
        "BatchNormalization behind a ReLU": alone("BatchNormalization"),
        "BatchNormalization behind a Concatenate": normalized,
        "LayerNormalization": alone("LayerNormalization"),
        "GroupNormalization": alone("GroupNormalization", 4),
        **{name: behind("Activation", name) for name in activations},
        "LeakyReLU": behind("LeakyReLU"),
        "PReLU": behind("PReLU", shared_axes=[1, 2]),
        "Softmax inside": lambda x: keras_layers.Multiply()([x, keras_layers.Softmax()(convolution(x))]),
        "MaxPooling2D": alone("MaxPooling2D"),
        "AveragePooling2D, same": alone("AveragePooling2D", 3, 2, padding="same"),
        "GlobalAveragePooling2D, squeeze and excite": squeezed,
        "GlobalMaxPooling2D, added": brightened,
        **{name: beside(name) for name in ("Add", "Subtract", "Average", "Maximum", "Concatenate")},
        "Reshape": alone("Reshape", (13, 26, 8)),
        "Permute": alone("Permute", (2, 1, 3)),
        "ZeroPadding2D": alone("ZeroPadding2D", 2),
        "Cropping2D": alone("Cropping2D", 2),
        "UpSampling2D, nearest": alone("UpSampling2D"),
        "UpSampling2D, bilinear": alone("UpSampling2D", interpolation="bilinear"),
        "Resizing": alone("Resizing", 20, 20),
        "MultiHeadAttention": attended,
    }  # fmt: skip


def trained(layer: Callable[[Any], Any], data: Dataset) -> Any:
    """The network with ``layer`` in it, 6 epochs of the training digits; raw pixels in, padding means -1."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = layer(layers.Conv2D(16, 3, strides=2, activation="relu")(x))
    if len(x.shape) == 4:
        x = layers.Conv2D(24, 3, strides=2, activation="relu")(x)
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(pixels_of(data.train).astype("float32"), data.train.labels, batch_size=50, epochs=6, verbose=0)
    return model


def answers(model: Any, data: Dataset) -> dict[str, np.ndarray]:
    """The class that Keras and every file say for each test digit, (N,); files by the end of their name."""
    from cnnedge.convert.converter import Converter
    from cnnedge.convert.scheme import plan_of

    pixels, converter = pixels_of(data.test), Converter(model, data, Recipe(epochs=1))
    found = {"keras": model.predict(pixels.astype("float32"), verbose=0).argmax(1)}
    for scheme in plan_of().schemes:
        content = converter.convert(scheme)
        with open_runner(content, format=scheme.format) as runner:
            found[f"{scheme.precision}.{scheme.format}"] = runner.predict(pixels).argmax(1)
    return found


def main() -> None:
    every = named_layers()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=f"of: {'; '.join(every)}")
    parser.add_argument("--out", type=Path, help="write the table as Markdown")
    options = parser.parse_args()
    unknown = [name for name in options.layers if name not in every]
    if unknown:
        parser.error(f"no layer {unknown[0]!r}")
    images, labels = digits("test")
    data = replace(searchable(), test=ArraySplit(images, labels))
    rows = [f"| layer | Keras top-1 | {' | '.join(COLUMNS)} | int8 alike |", "|---|" + "--:|" * (len(COLUMNS) + 2)]
    show(rows[0])
    wrong = []
    for name in options.layers or every:
        found = answers(trained(every[name], data), data)
        shares = {file: float(np.mean(found[file] == found["keras"])) for file in COLUMNS}
        alike = float(np.mean(found[INTEGERS[0]] == found[INTEGERS[1]]))
        figures = [np.mean(found["keras"] == labels), *shares.values(), alike]
        rows.append(f"| {name} | {' | '.join(f'{100 * figure:.1f}' for figure in figures)} |")
        show(rows[-1])
        if (
            wilson_interval(round(alike * len(labels)), len(labels))[1] < LEAST
            or min(shares[file] for file in FLOATS) < 1
        ):
            wrong.append(name)
    if options.out is not None:
        write_atomically(options.out, (PREFACE + "\n".join(rows) + "\n").encode())
    if wrong:
        sys.exit(f"other answers: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
