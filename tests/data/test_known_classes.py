"""Data with other classes than a model's own record says is another model's."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnedge import data as datasets
from cnnedge.data.known_classes import compare_classes, doubt_unseen, known_classes
from cnnedge.errors import DataError
from cnnedge.manifest import TrainedOn, TrainingRecord
from cnnedge.scoring.testdata import choose_dataset

SHIPPED = Path(__file__).parents[2] / "exported" / "mnist-tiny"
DIGITS = tuple("0123456789")


def record(labels=()):
    data = TrainedOn("mnist", False, "ab", "cache", "cd", labels)
    return TrainingRecord({}, 0, "tensorflow", None, None, data, {})


def test_the_record_says_them_in_the_order_of_the_outputs(tmp_path):
    assert known_classes(tmp_path / "net.keras", record(("dog", "cat"))) == ("dog", "cat")


def test_an_older_record_leaves_it_to_the_manifest_of_this_very_file(tmp_path):
    keras = shutil.copy(SHIPPED / "mnist-tiny.keras", tmp_path / "mnist-tiny.keras")
    assert known_classes(keras, record()) is None
    shutil.copy(SHIPPED / "manifest.json", tmp_path)
    assert known_classes(keras, record()) == DIGITS
    keras.write_bytes(keras.read_bytes() + b"another")
    assert known_classes(keras, record()) is None


def test_a_model_from_elsewhere_says_nothing(tmp_path):
    assert known_classes(tmp_path / "net.keras", None) is None
    assert compare_classes(SimpleNamespace(name="pets", labels=("cat", "dog")), None, tmp_path / "net.keras") is None


PETS = SimpleNamespace(name="pets", labels=("cat", "dog", "hen"))


@pytest.mark.parametrize("known", [("fox", "dog", "cow"), ("dog", "cat", "hen"), ("cat", "dog"), ("hen", "dog", "fox")])
def test_other_classes_are_refused(known):
    with pytest.raises(DataError, match=r"net\.keras answers .*; pets has cat, dog, hen: .* --labels"):
        compare_classes(PETS, known, Path("net.keras"))


def test_a_class_under_another_name_is_told():
    assert compare_classes(PETS, ("cat", "dog", "hen"), Path("net.keras")) is None
    assert compare_classes(PETS, ("kitten", "dog", "hen"), Path("net.keras")) == (
        "answers kitten where pets has cat: taken as one class under two names"
    )


def test_a_float_model_is_not_measured_with_another_ones_pictures(digit_folder, tmp_path):
    renamed = tmp_path / "letters"
    for number, folder in enumerate(sorted(path for path in Path(digit_folder).iterdir() if path.is_dir())):
        shutil.copytree(folder, renamed / "abcdefghij"[number])
    with pytest.raises(DataError, match=r"mnist-tiny\.keras answers 0, 1, .*; letters has a, b"):
        choose_dataset(str(renamed), [], [SHIPPED / "mnist-tiny.keras"])


def test_pictures_drawn_for_testing_are_doubted_unless_the_training_left_them_out(digit_folder):
    dataset = datasets.load(Path(digit_folder) / "train", image_shape=(28, 28, 1))
    assert "--test DIR names pictures that it has not seen" in (doubt_unseen(dataset, None) or "")
    assert doubt_unseen(dataset, record()) is not None  # trained on others
    own = record()
    own = dataclasses.replace(own, data=dataclasses.replace(own.data, train_sha256=dataset.train.sha256))
    assert doubt_unseen(dataset, own) is None


def test_pictures_set_aside_by_the_person_are_not_doubted(digit_folder):
    assert doubt_unseen(datasets.load(digit_folder, image_shape=(28, 28, 1)), None) is None
    mine = datasets.FolderOptions(test=Path(digit_folder) / "test")
    found = datasets.load(Path(digit_folder) / "train", image_shape=(28, 28, 1), folder=mine)
    assert doubt_unseen(found, None) is None
