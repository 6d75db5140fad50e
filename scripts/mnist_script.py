"""MNIST from top to bottom: teach a small network to read digits, shrink it, and let it read your handwriting.

  python scripts/mnist_script.py                                      all of it; the training takes some minutes
  python scripts/mnist_script.py --digits my1.png my2.jpg             the same, and it reads your own digits
  python scripts/mnist_script.py --model FILE.keras --digits my1.png  the same with a trained network, in seconds

One digit per picture: a photo of ink on paper, a scan, a drawing; any size, dark on light or light on dark.
To read this program, begin with walk_through() near its end: each function that it calls is one step.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from PIL import Image

from cnnedge import Classifier, Prediction, console
from cnnedge import data as datasets
from cnnedge.convert.converter import Converter
from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import plan_of
from cnnedge.documents import fail_if_any
from cnnedge.errors import ImageError
from cnnedge.examples import script
from cnnedge.examples.attention import layer_table
from cnnedge.examples.drawings import Cell, draw_grid
from cnnedge.examples.handwriting import Handwritten, read_digit
from cnnedge.model.backend import require_tensorflow
from cnnedge.model.keras_file import load_keras
from cnnedge.model.networks import build_model
from cnnedge.training.job import TrainingJob
from cnnedge.training.recipes import Recipe

if TYPE_CHECKING:
    import keras

Read = tuple[Path, Handwritten, list[Prediction]]


def load_data(limit: int | None) -> datasets.Dataset:
    """MNIST in four splits: train, validation and calibration (both held out of train), and test."""
    with console.progress() as progress:
        return script.limited(datasets.load("mnist", progress=progress), limit)


def show_data(data: datasets.Dataset) -> Figure:
    """Say what there is to learn from, and draw eight training images of each digit."""
    print(f"training: {len(data.train):,} images of handwritten digits, and which digit each of them is")
    print(f"test:     {len(data.test):,} images that training never sees: only they tell how good the network is")
    shape = (len(data.train), *data.image_shape)
    print(f"images:   an array {shape} (images, height, width, channels); 0 is paper, 255 is ink")
    if data.is_sample:
        print("ONLY THE SAMPLE that comes with the package: no figure below is MNIST's.")
    rows = [[Cell(image) for image in script.first_of_class(data.train, digit)] for digit in range(10)]
    return draw_grid(rows, "MNIST: eight images of each digit", data.labels)


def show_network() -> None:
    """Print the network layer by layer, with its parameters and the work that one image costs."""
    print(layer_table(build_model("mnist")))
    print("Convolutions look for strokes, poolings halve the picture, the dense layer weighs up the ten digits.")
    print("MACs are multiply-accumulates for one image: the measure of the work.")


def trained_network(options: argparse.Namespace, data: datasets.Dataset, recipe: Recipe) -> Path:
    """The ``.keras`` file of the trained network: given, or there from an earlier run, or trained now."""
    from cnnedge.pipeline import train_and_save  # brings in TensorFlow, which takes seconds

    file = options.model or options.out / "mnist.keras"
    if options.model or (file.exists() and not options.overwrite):
        print(f"using {file}" + ("" if options.model else " of an earlier run (--overwrite trains anew)"))
        return file
    print(f"epochs: {recipe.epochs}, batch size: {recipe.batch_size}; if you stop it, the next run goes on from there")
    with console.progress() as progress:
        train_and_save(
            TrainingJob("mnist", recipe), data, folder=options.out,
            resume=not options.overwrite, overwrite=options.overwrite, progress=progress,
        )  # fmt: skip
    return file


def quantize(source: Path, data: datasets.Dataset, recipe: Recipe, folder: Path) -> Path:
    """From 32-bit floats to 8-bit integers, weights and arithmetic; print what it saves and what it costs."""
    plan = plan_of(("tflite",), ("int8",))
    network: keras.Model = load_keras(source)
    with console.progress() as progress:
        converter = Converter(network, data, recipe, progress=progress)
        done = export(converter, plan, source=source, name="mnist", folder=folder)
    fail_if_any(done.failures)
    for file, entry in done.entries.items():
        print(f"{file:<18} {entry.size_bytes:>9,} bytes   {entry.top1:.2%} of the test images right")
    print(f"In the .keras file, {4 * network.count_params():,} bytes are weights; the rest describes the network.")
    print(f"{folder / 'mnist_int8.tflite'} is all that a phone or a Raspberry Pi needs.")
    return folder / "mnist_int8.tflite"


def write_test_digits(data: datasets.Dataset, folder: Path) -> list[Path]:
    """Five test images as PNG files: three as they are, two like photos of dark ink on paper in half shade."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (pixels, label) in enumerate(zip(datasets.pixels_of(data.test, 5), data.test.labels, strict=False)):
        picture = Image.fromarray(pixels[..., 0])
        if number % 2:
            ink = picture.resize((120, 120))
            picture = Image.linear_gradient("L").resize((240, 180)).point([150 + grey // 3 for grey in range(256)])
            picture.paste(30, (25 * number, 15), ink)
        files.append(folder / f"test{number}_is_{label}.png")
        picture.save(files[-1])
    return files


def read_digits(files: list[Path], model_file: Path) -> list[Read]:
    """Bring each picture into MNIST's form (see the handwriting module) and classify it; name those that fail."""
    found = []
    with Classifier(model_file) as classifier:
        for file in files:
            try:
                digit = read_digit(file)
            except ImageError as error:
                console.say(f"error: {error}")
                continue
            predictions = classifier.predict(digit.seen, top=10)
            form = "inverted: dark ink on light paper" if digit.inverted else "light on dark, as MNIST is"
            print(f"{file.name:<24} {predictions[0].label}  {predictions[0].score:6.1%}  {form}")
            found.append((file, digit, predictions))
    print("99.6% is the highest score that 8 bits can say (255 / 256).")
    print("The network knows ten digits and nothing else: it calls a letter a digit too, if often with a low score.")
    return found


def draw_digits(found: list[Read]) -> Figure:
    """One row per file: the picture as given, what the network sees of it, and how sure it is of each digit."""
    figure = Figure(figsize=(9, 0.4 + 2.1 * len(found)), layout="constrained")
    rows = figure.subplots(len(found), 3, squeeze=False, width_ratios=(1.3, 1, 1.6))
    for (given, seen, bars), (file, digit, predictions) in zip(rows, found, strict=True):
        given.imshow(digit.given, cmap="gray", vmin=0, vmax=255)
        given.set(title=file.name, xticks=[], yticks=[])
        seen.imshow(digit.seen, cmap="gray", vmin=0, vmax=255)
        seen.set(title="seen " + ("inverted and centred" if digit.inverted else "centred"), xticks=[], yticks=[])
        bars.bar([p.index for p in predictions], [100 * p.score for p in predictions])
        bars.set(title=f"it says {predictions[0].label}, {predictions[0].score:.1%} sure")
        bars.set(xticks=range(10), ylim=(0, 100), ylabel="probability in %")
        bars.spines[["top", "right"]].set_visible(False)
    return figure


def walk_through(options: argparse.Namespace) -> int:
    """All the steps; 1 if a picture could not be read."""
    require_tensorflow()
    out = options.out
    print("1. The data\n")
    data = load_data(options.limit)
    script.save(show_data(data), out / "data.png", show=options.show)
    print("\n2. The network\n")
    show_network()
    print("\n3. Training\n")
    recipe = script.quick_recipe("mnist", len(data.train), epochs=options.epochs)
    source = trained_network(options, data, recipe)
    print("\n4. Accuracy, and quantization to 8-bit integers\n")
    int8_file = quantize(source, data, recipe, out / "exported")
    print("\n5. Reading digits from picture files\n")
    files = options.digits or write_test_digits(data, out / "digits")
    found = read_digits(files, int8_file)
    if found:
        script.save(draw_digits(found), out / "digits.png", show=options.show)
    return 0 if len(found) == len(files) else 1


def parse_arguments() -> argparse.Namespace:
    parser = script.argument_parser(__doc__, out="runs/mnist_script")
    parser.add_argument(
        "--digits", nargs="+", type=Path, metavar="FILE", help="pictures of digits; else five of MNIST's"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(walk_through, parse_arguments()))
