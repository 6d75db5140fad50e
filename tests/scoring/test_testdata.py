"""Which test images a set of files is measured with."""

from pathlib import Path

import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.errors import UsageError
from cnnedge.manifest import read_manifest
from cnnedge.scoring.testdata import choose_dataset, refuse_other_data
from tests.support import models

EXPORTED = Path(__file__).parents[2] / "exported"


@pytest.fixture
def files(tmp_path):
    """A text file, a network for 4 x 4 colour images, one for digits."""
    contents = {"text.tflite": b"hello", "colours.onnx": models.colours_onnx(), "digits.tflite": models.digits_tflite()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in contents]


def test_a_file_of_another_size_does_not_decide_for_a_named_dataset(files):
    """MNIST is given as the digits file takes it; the row of the other will say that it does not fit."""
    assert choose_dataset("mnist", files, []).test.image_shape == (28, 28, 1)
    assert choose_dataset("mnist", files[:2], []).test.image_shape == (28, 28, 1)


def test_a_folder_is_brought_to_the_size_of_the_first_readable_file(files, digit_folder):
    assert choose_dataset(str(digit_folder), files, []).test.image_shape == (4, 4, 3)


@pytest.fixture
def photos(tmp_path):
    """A file for red and blue, whose passport names a folder of somebody's pictures as its data."""
    facts = {"images": 8, "sha256": "ab" * 32}
    data = {"name": "flowers", "source": "folder", "is_sample": False, "seed": 3, "licence": ""}
    made = {"data": data | {"calibration": facts, "test": facts}}
    path = tmp_path / "cifar10_float32.onnx"
    path.write_bytes(models.with_passport(models.colours_onnx(), made=made))
    return path


def test_the_files_record_names_the_data_not_its_name(photos):
    """Called cifar10, made with somebody's photos: CIFAR-10's pictures are not its data."""
    with pytest.raises(UsageError, match=r"made with pictures of one's own, the folder flowers: add --data DIR"):
        choose_dataset(None, [photos], [])


def test_data_with_other_classes_is_refused_before_the_work(photos):
    with pytest.raises(UsageError, match=r"mnist is not the data of cifar10_float32\.onnx: its classes are red, green"):
        choose_dataset("mnist", [photos], [])


def test_the_very_images_of_the_export_take_the_names_that_it_gave(tmp_path):
    """``export --labels`` gave the folders' classes other names."""
    for index, name in enumerate("abc"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (4, 4), (number, 20 * index, 0)).save(tmp_path / "photos" / name / f"{number}.png")
    found = datasets.load(tmp_path / "photos", image_shape=(4, 4, 3))
    data = {"name": "photos", "source": "folder", "is_sample": False, "seed": 0, "licence": ""}
    facts = {"images": len(found.test), "sha256": found.test.sha256}
    made = {"data": data | {"calibration": facts, "test": facts}}
    (tmp_path / "named.onnx").write_bytes(models.with_passport(models.colours_onnx(), made=made))
    named = choose_dataset(str(tmp_path / "photos"), [tmp_path / "named.onnx"], [])
    assert (found.labels, named.labels) == (("a", "b", "c"), models.COLOURS)


def test_a_name_alone_says_nothing(files, tmp_path):
    named = tmp_path / "mnist_int8.tflite"
    files[2].rename(named)
    with pytest.raises(UsageError, match="no file says which images it was made for: add --data"):
        choose_dataset(None, [named], [])
    shipped = EXPORTED / "mnist" / "mnist_int8.tflite"
    assert choose_dataset(None, [shipped], []).name == choose_dataset(None, [], [shipped.with_name("mnist.keras")]).name


def test_a_folders_pictures_of_another_seed_are_other_data(digit_folder):
    """The seed of the export chose the test images; those of another were trained on."""
    manifest = read_manifest(EXPORTED / "mnist")
    with pytest.raises(
        UsageError, match=r"mnist was tested with 10,000 images of mnist, and the [\d,]+ of .* are others"
    ):
        refuse_other_data(datasets.load(digit_folder, image_shape=(28, 28, 1)), manifest)
