import re
import runpy

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cnnedge import data as datasets
from cnnedge.data import pixels_of
from cnnedge.errors import DataError
from tests.support.scripts import SCRIPTS, is_drawn


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Red circles, green squares and blue triangles, 30 of each, of any size and place on noise."""
    folder = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    for number in range(90):
        picture = Image.fromarray(rng.integers(0, 120, (48, 64, 3), dtype=np.uint8))
        x, y, size = rng.integers((18, 16, 9), (46, 32, 15)).tolist()
        place, strong, draw = (x - size, y - size, x + size, y + size), int(rng.integers(170, 256)), None
        draw = ImageDraw.Draw(picture)
        name = ("circle", "square", "triangle")[number % 3]
        if name == "circle":
            draw.ellipse(place, fill=(strong, 40, 40))
        elif name == "square":
            draw.rectangle(place, fill=(40, strong, 40))
        else:
            draw.polygon([(x, y - size), (x - size, y + size), (x + size, y + size)], fill=(40, 40, strong))
        (folder / name).mkdir(exist_ok=True)
        picture.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("cifar")


@pytest.fixture(scope="module")
def cifar10():
    try:
        return datasets.load("cifar10")
    except DataError as error:
        pytest.skip(f"needs CIFAR-10: {error}")


@pytest.fixture(scope="module")
def first(cifar10, run_script, shapes, out):
    """One epoch on 250 images, a look at a circle and at a text file, then on to the shapes."""
    (shapes.parent / "text.jpg").write_text("no picture")
    images = ("--images", shapes / "circle/0.png", shapes.parent / "text.jpg")
    return run_script("cifar_script.py", "--limit", 250, "--epochs", 1, "--out", out, "--finetune", shapes, *images)


def test_network_is_shown_trained_and_quantized(first, out):
    assert re.search(r"^total +466,090 +50,284,096$", first.stdout, re.MULTILINE)
    assert (out / "cifar10.keras").exists()
    assert re.search(r"^cifar10_int8\.tflite .* [\d.]+% of the test images right$", first.stdout, re.MULTILINE)


@pytest.mark.parametrize("picture", ["data", "confusion", "mistakes", "heat", "features", "finetuned"])
def test_picture_is_drawn(picture, first, out):
    assert f"picture: {out / picture}.png" in first.stdout
    assert is_drawn(out / f"{picture}.png")


def test_confused_pairs_are_said_in_words(first):
    pairs = re.findall(r"^(\w+) taken for (\w+) +(\d+) of (\d+)$", first.stdout, re.MULTILINE)
    assert len(pairs) == 5
    assert all(true != answer and int(wrong) <= int(images) for true, answer, wrong, images in pairs)
    assert [int(wrong) for *_, wrong, _ in pairs] == sorted((int(wrong) for *_, wrong, _ in pairs), reverse=True)


def test_picture_of_ones_own_is_looked_at_and_a_bad_one_ends_with_1(first):
    assert re.search(r"^0\.png +\w+ [\d.]+%, \w+ [\d.]+%$", first.stdout, re.MULTILINE)
    errors = [line for line in first.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and "text.jpg: not a picture" in errors[0]
    assert first.returncode == 1


def test_scenes_are_busy_test_images_of_five_classes(cifar10, tmp_path):
    files = runpy.run_path(str(SCRIPTS / "cifar_script.py"))["write_scenes"](cifar10, tmp_path / "scenes")
    places = [re.fullmatch(r"test(\d+)_(\w+)\.png", file.name).groups() for file in files]
    assert len({label for _, label in places}) == 5
    for file, (index, label) in zip(files, places, strict=True):
        assert cifar10.labels[cifar10.test.labels[int(index)]] == label
        assert np.array_equal(np.asarray(Image.open(file)), cifar10.test.pixels([int(index)])[0])
    grey = pixels_of(cifar10.test).mean(axis=3, dtype=np.float32)
    busyness = np.abs(np.diff(grey, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(grey, axis=2)).mean(axis=(1, 2))
    chosen = [int(index) for index, _ in places]
    # The busiest of all comes first; that of each class is among the busiest percent, a thousand images being a class.
    assert busyness[chosen[0]] == busyness.max() and busyness[chosen].min() > np.percentile(busyness, 99)


def test_fine_tuned_int8_file_knows_the_new_classes(first, out):
    top1 = re.search(r"^finetuned_int8\.tflite .* ([\d.]+)% of the test", first.stdout, re.MULTILINE)
    assert top1 is not None and float(top1[1]) > 90
    held_out = re.findall(r"^a held-out image of (\w+): (\w+),", first.stdout, re.MULTILINE)
    assert len(held_out) == 5 and sum(true == answer for true, answer in held_out) >= 4
