"""CIFAR-10 from top to bottom: teach a network ten kinds of things, see what it looks at, teach it your own pictures.

  python scripts/cifar_script.py                              all of it; the training takes about a quarter of an hour
  python scripts/cifar_script.py --images cat.jpg street.png  the same, and it looks at your pictures
  python scripts/cifar_script.py --model FILE.keras           the same with a trained network, in a minute
  python scripts/cifar_script.py --model FILE.keras --finetune photos/    and goes on learning the classes of photos/

photos/ holds a folder of pictures for each class: photos/rose/*.jpg, photos/tulip/*.jpg; some twenty of each will do.
To read this program, begin with walk_through() near its end: each function that it calls is one step.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cnnedge import Classifier, Prediction, console
from cnnedge import data as datasets
from cnnedge.convert.converter import Converter
from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import plan_of
from cnnedge.documents import fail_if_any
from cnnedge.errors import ImageError
from cnnedge.examples import attention, script
from cnnedge.examples.drawings import Cell, draw_confusion, draw_grid
from cnnedge.images.decode import decode
from cnnedge.model.backend import require_tensorflow
from cnnedge.model.keras_file import load_keras
from cnnedge.model.networks import build_model
from cnnedge.scoring.accuracy import confusion_matrix
from cnnedge.scoring.score import answers_of
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe

if TYPE_CHECKING:
    import keras

Looked = tuple[Path, np.ndarray, list[Prediction]]


def load_data(limit: int | None) -> datasets.Dataset:
    """CIFAR-10 in four splits: train, validation and calibration (both held out of train), and test."""
    with console.progress() as progress:
        return script.limited(datasets.load("cifar10", progress=progress), limit)


def show_data(data: datasets.Dataset) -> Figure:
    """Say what there is to learn from, and draw eight training images of each class."""
    print(f"training: {len(data.train):,} photos of one thing each, and what it is: {', '.join(data.labels)}")
    print(f"test:     {len(data.test):,} photos that training never sees: only they tell how good the network is")
    shape = (len(data.train), *data.image_shape)
    print(f"images:   an array {shape} (images, height, width, red-green-blue), values 0..255")
    rows = [[Cell(image) for image in script.first_of_class(data.train, label)] for label in range(10)]
    return draw_grid(rows, "CIFAR-10: eight images of each class", data.labels)


def show_network() -> None:
    """Print the network layer by layer, with its parameters and the work that one image costs."""
    print(attention.layer_table(build_model("cifar10")))
    print("Each convolution looks for 3 x 3 patterns in what the one before found; each pooling halves the picture.")
    print("MACs are multiply-accumulates for one image: the measure of the work.")


def trained_network(options: argparse.Namespace, data: datasets.Dataset, recipe: Recipe) -> Path:
    """The ``.keras`` file of the trained network: given, or there from an earlier run, or trained now."""
    from cnnedge.pipeline import train_and_save  # brings in TensorFlow, which takes seconds

    file = options.model or options.out / "cifar10.keras"
    if options.model or (file.exists() and not options.overwrite):
        print(f"using {file}" + ("" if options.model else " of an earlier run (--overwrite trains anew)"))
        return file
    print(f"epochs: {recipe.epochs}, batch size: {recipe.batch_size}; if you stop it, the next run goes on from there")
    with console.progress() as progress:
        train_and_save(
            TrainingJob("cifar10", recipe), data, folder=options.out,
            resume=not options.overwrite, overwrite=options.overwrite, progress=progress,
        )  # fmt: skip
    return file


def quantize(source: Path, data: datasets.Dataset, recipe: Recipe, folder: Path, name: str) -> Path:
    """From 32-bit floats to 8-bit integers, weights and arithmetic; print what it saves and what it costs."""
    plan = plan_of(("tflite",), ("int8",))
    with console.progress() as progress:
        converter = Converter(load_keras(source), data, recipe, progress=progress)
        done = export(converter, plan, source=source, name=name, folder=folder)
    fail_if_any(done.failures)
    for file, entry in done.entries.items():
        print(f"{file:<20} {entry.size_bytes:>9,} bytes   {entry.top1:.2%} of the test images right")
    return folder / f"{name}_int8.tflite"


def draw_confusions(network: "keras.Model", data: datasets.Dataset) -> tuple[Figure, Figure]:
    """Which classes it takes for each other: the whole matrix, and the five worst pairs with the surest mistakes."""
    scores = network.predict(datasets.pixels_of(data.test).astype(np.float32), batch_size=250, verbose=0)
    taken, true = answers_of(scores), data.test.labels
    counts = confusion_matrix(taken, true, len(data.labels))
    mistakes = counts - np.diag(counts.diagonal())
    rows, names = [], []
    for right, wrong in (divmod(int(place), len(data.labels)) for place in np.argsort(-mistakes, axis=None)[:5]):
        names.append(f"{data.labels[right]}\ntaken for\n{data.labels[wrong]}")
        print(f"{' '.join(names[-1].split()):<32} {counts[right, wrong]:>4} of {counts[right].sum():,}")
        found = np.flatnonzero((true == right) & (taken == wrong))
        surest = found[np.argsort(-scores[found, wrong])][:5]
        rows.append([Cell(data.test.pixels([index])[0], f"{scores[index, wrong]:.0%} sure") for index in surest])
    examples = draw_grid(rows, "The most frequent mistakes, and where it was surest of them", names)
    return draw_confusion(counts, data.labels), examples


def write_scenes(data: datasets.Dataset, folder: Path) -> list[Path]:
    """The busiest test image of each of five classes as PNG files: these stay on this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index in attention.busiest_of_each_class(data.test)[:5]:
        files.append(folder / f"test{index}_{data.labels[data.test.labels[index]]}.png")
        Image.fromarray(data.test.pixels([index])[0]).save(files[-1])
    return files


def look_at(files: list[Path], int8_file: Path) -> list[Looked]:
    """Decode and classify each picture with the int8 file; name those that cannot be read."""
    looked = []
    with Classifier(int8_file) as classifier:
        for file in files:
            try:
                pixels = decode(file, classifier.input_shape)
            except ImageError as error:
                console.say(f"error: {error}")
                continue
            predictions = classifier.predict(pixels, top=2)
            print(f"{file.name:<28} " + ", ".join(f"{p.label} {p.score:.1%}" for p in predictions))
            looked.append((file, pixels, predictions))
    return looked


def draw_heat(network: "keras.Model", looked: list[Looked]) -> Figure:
    """Grad-CAM: over each picture, in red, what speaks for the likeliest class, and what for the second."""
    pixels = np.stack([image for _, image, _ in looked])
    columns = [[Cell(image, file.name) for file, image, _ in looked]]
    for rank in (0, 1):
        answers = [predictions[rank] for _, _, predictions in looked]
        heat = attention.grad_cam(network, pixels, np.array([answer.index for answer in answers]))
        captions = [f"for {answer.label} ({answer.score:.1%})" for answer in answers]
        columns.append([Cell(*cell) for cell in zip(pixels, captions, heat, strict=True)])
    return draw_grid(list(zip(*columns, strict=True)), "What speaks for each answer: red much, blue nothing")


def draw_features(network: "keras.Model", image: np.ndarray) -> Figure:
    """What the first four convolutions make of one image: of each, the eight channels that vary most."""
    rows, names = [[Cell(image)]], ["image"]
    for layer in attention.map_layers(network)[:4]:
        maps = attention.feature_maps(network, image[np.newaxis], layer)[0]
        liveliest = np.argsort(-maps.std(axis=(0, 1)))[:8]
        rows.append([Cell(maps[..., channel], f"channel {channel}") for channel in liveliest])
        names.append(f"{layer}\n{maps.shape[0]} x {maps.shape[1]}")
    return draw_grid(rows, "Feature maps: white where a channel finds its pattern", names)


def fine_tune(folder: Path, source: Path, out: Path) -> Figure:
    """Go on training with the classes of another folder: a new head, small steps; then quantize it and try it."""
    from cnnedge.pipeline import train_and_save

    data = datasets.load(folder, image_shape=(32, 32, 3))
    print(f"{len(data.train):,} training images of {len(data.labels)} classes: {', '.join(data.labels)}")
    recipe = Recipe(
        epochs=min(40, max(2, 12_000 // len(data.train))),  # 12,000 images go by, or few ones 40 times
        batch_size=min(32, max(8, len(data.train) // 10)),
        peak_learning_rate=0.02,  # a tenth of the usual: what was learned on CIFAR-10 is to stay
        ema_momentum=0.9,
        augmentation=Augmentation(shift=2, flip=True),
    )
    job = TrainingJob("cifar10", recipe, init=SavedNetwork.of(source))
    with console.progress() as progress:
        train_and_save(job, data, folder=out, overwrite=True, progress=progress)
    int8_file = quantize(out / "cifar10.keras", data, recipe, out, name="finetuned")
    cells = []
    with Classifier(int8_file) as classifier:
        for index in np.random.default_rng(0).permutation(len(data.test))[:5]:
            pixels, true = data.test.pixels([index])[0], data.labels[data.test.labels[index]]
            answer = classifier.predict(pixels)[0]
            print(f"a held-out image of {true}: {answer.label}, {answer.score:.1%}")
            cells.append(Cell(pixels, f"{true}: it says {answer.label}"))
    return draw_grid([cells], "Images that it was not trained on")


def walk_through(options: argparse.Namespace) -> int:
    """All the steps; 1 if a picture could not be read."""
    require_tensorflow()
    out, show = options.out, options.show
    print("1. The data\n")
    data = load_data(options.limit)
    script.save(show_data(data), out / "data.png", show=show)
    print("\n2. The network\n")
    show_network()
    print("\n3. Training\n")
    recipe = script.quick_recipe("cifar10", len(data.train), epochs=options.epochs)
    source = trained_network(options, data, recipe)
    print("\n4. Accuracy, and quantization to 8-bit integers\n")
    int8_file = quantize(source, data, recipe, out / "exported", name="cifar10")
    print("\n5. What it confuses\n")
    network = load_keras(source)
    matrix, mistakes = draw_confusions(network, data)
    script.save(matrix, out / "confusion.png", show=show)
    script.save(mistakes, out / "mistakes.png", show=show)
    print("\n6. What it looks at\n")
    files = options.images or write_scenes(data, out / "scenes")
    looked = look_at(files, int8_file)
    if looked:
        print("Where the red lies beside the thing, the network goes by the background.")
        script.save(draw_heat(network, looked), out / "heat.png", show=show)
        script.save(draw_features(network, looked[0][1]), out / "features.png", show=show)
    print("\n7. Other classes\n")
    if options.finetune:
        script.save(fine_tune(options.finetune, source, out / "finetuned"), out / "finetuned.png", show=show)
    else:
        print("--finetune DIR teaches it the classes of a folder DIR/<class>/<picture>, starting from this network")
    return 0 if len(looked) == len(files) else 1


def parse_arguments() -> argparse.Namespace:
    parser = script.argument_parser(__doc__, out="runs/cifar_script")
    option = parser.add_argument
    option("--images", nargs="+", type=Path, metavar="FILE", help="pictures to look at; else five of CIFAR-10's")
    option("--finetune", type=Path, metavar="DIR", help="go on with the classes of this folder; replaces OUT/finetuned")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(walk_through, parse_arguments()))
