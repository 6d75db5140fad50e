"""Folders of images, made of real digits."""

import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.data import FolderOptions, pixels_of
from cnnedge.data.published.catalogue import MNIST
from cnnedge.errors import DataError, ImageError, UsageError

PER_CLASS = 10
GREY = (28, 28, 1)


def write_digits(folder, first: int = 0, classes=("one", "seven"), digits=(1, 7)) -> None:
    with np.load(MNIST.sample) as sample:
        images, labels = sample["x_train"], sample["y_train"]
    for name, digit in zip(classes, digits, strict=True):
        (folder / name).mkdir(parents=True)
        chosen = images[labels == digit][first : first + PER_CLASS, :, :, 0]
        for number, image in enumerate(chosen):
            Image.fromarray(image).save(folder / name / f"{number:03}.png")


@pytest.fixture
def photos(tmp_path):
    write_digits(tmp_path / "photos")
    return tmp_path / "photos"


def hashes(split) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest() for image in pixels_of(split)}


def test_subfolders_are_classes_and_a_fifth_of_each_is_for_test(photos):
    dataset = datasets.load(photos, image_shape=GREY)
    assert (dataset.name, dataset.labels, dataset.source) == ("photos", ("one", "seven"), "folder")
    assert dataset.image_shape == GREY
    assert not dataset.is_sample
    assert np.bincount(dataset.test.labels).tolist() == [2, 2]
    parts = [dataset.train, dataset.validation, dataset.calibration, dataset.test]
    # 16 images are not for test; a fifth of them, rounded down, is 3.
    assert [len(part) for part in parts] == [10, 3, 3, 4]
    assert len(set().union(*(hashes(part) for part in parts))) == 2 * PER_CLASS


def test_pixels_and_labels_are_those_of_the_files(photos):
    dataset = datasets.load(str(photos), image_shape=GREY)
    files = {path.read_bytes(): path for path in photos.glob("*/*.png")}
    by_pixels = {np.asarray(Image.open(path)).tobytes(): path.parent.name for path in files.values()}
    for split in (dataset.train, dataset.validation, dataset.calibration, dataset.test):
        for image, label in zip(pixels_of(split), split.labels, strict=True):
            assert by_pixels[image.tobytes()] == dataset.labels[label]


def test_default_shape_is_rgb_32(photos):
    assert datasets.load(photos).image_shape == (32, 32, 3)


def test_split_depends_on_the_seed_alone(photos):
    first, again = (datasets.load(photos, seed=3) for _ in range(2))
    assert first.test.sha256 == again.test.sha256
    assert first.test.sha256 != datasets.load(photos, seed=4).test.sha256


def test_train_and_test_folders_are_the_splits(tmp_path):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "test", first=PER_CLASS)
    dataset = datasets.load(tmp_path, image_shape=GREY)
    assert dataset.labels == ("one", "seven")
    assert len(dataset.test) == 2 * PER_CLASS
    assert len(dataset.train) + len(dataset.validation) + len(dataset.calibration) == 2 * PER_CLASS


def test_copy_of_an_image_is_never_for_test(photos):
    for number in range(4):
        shutil.copy(photos / "one" / f"00{number}.png", photos / "one" / f"copy{number}.png")
    copied = {np.asarray(Image.open(photos / "one" / f"copy{number}.png")).tobytes() for number in range(4)}
    for seed in range(5):
        dataset = datasets.load(photos, image_shape=GREY, seed=seed)
        for split in (dataset.test, dataset.validation, dataset.calibration):
            assert not copied & {image.tobytes() for image in pixels_of(split)}


def test_train_and_test_with_different_classes_are_refused(tmp_path):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "test", classes=("one", "eight"), digits=(1, 8))
    with pytest.raises(DataError, match="do not hold the same classes, see eight, seven"):
        datasets.load(tmp_path)


def test_folder_without_images_is_refused(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "notes.txt").write_text("none yet")
    with pytest.raises(DataError, match=r"holds no images, expected .*<class>/<image>"):
        datasets.load(tmp_path)


def test_images_outside_class_folders_are_not_taken_for_a_dataset(photos):
    with pytest.raises(DataError, match=r"one holds no images, expected .*one/<class>/<image>"):
        datasets.load(photos / "one")


def test_one_class_is_refused(tmp_path):
    write_digits(tmp_path, classes=("one",), digits=(1,))
    with pytest.raises(DataError, match="holds one class, one, expected at least two"):
        datasets.load(tmp_path)


def test_empty_class_is_named(photos):
    (photos / "nine").mkdir()
    with pytest.raises(DataError, match="nine holds no images"):
        datasets.load(photos)


def test_class_too_small_to_split_is_named(photos):
    for number in range(4, PER_CLASS):
        (photos / "seven" / f"00{number}.png").unlink()
    with pytest.raises(DataError, match="class seven has 4 different images, expected at least 5"):
        datasets.load(photos)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"GIF89a but not really", "not a picture|cannot be decoded"), (None, "truncated")],
    ids=["empty", "no-image", "cut-off"],
)
def test_unreadable_image_is_named(photos, content, message):
    path = photos / "one" / "003.png"
    path.write_bytes(path.read_bytes()[:-60] if content is None else content)
    with pytest.raises(ImageError, match=rf"one/003\.png: .*({message})"):
        datasets.load(photos, folder=FolderOptions(max_bad=0))


def test_what_systems_leave_is_passed_over_and_other_files_are_counted(photos, caplog):
    (photos / "one" / "Thumbs.db").write_bytes(b"x")
    (photos / "one" / ".DS_Store").write_bytes(b"x")
    (photos / ".git").mkdir()
    dataset = datasets.load(photos)
    assert dataset.labels == ("one", "seven")
    assert not any("left out" in text for text in caplog.messages)
    (photos / "one" / "notes.txt").write_text("x")
    shutil.copy(photos / "one" / "000.png", photos / "stray.png")
    datasets.load(photos)
    message = "2 files are no pictures of a class and are left out, one/notes.txt among them"
    assert any(message in text for text in caplog.messages)


def test_progress_counts_every_image(photos):
    reports = []
    datasets.load(photos, progress=lambda *report: reports.append(report))
    assert reports == [("decode images", done, 20) for done in range(1, 21)]


@pytest.mark.parametrize("name", ["mnits", "no/such/folder"])
def test_neither_name_nor_folder_lists_what_is_known(name):
    with pytest.raises(UsageError, match="expected one of cifar10, fashion-mnist, mnist, a folder of images"):
        datasets.load(name)


def test_a_folder_with_the_names_of_the_labels_takes_their_order(tmp_path, caplog):
    """As text the folders are 0, 180, 90; a classifier of text orientation has 0, 90, 180."""
    write_digits(tmp_path / "photos", classes=("0", "90", "180"), digits=(0, 1, 7))
    as_text = datasets.load(tmp_path / "photos", image_shape=GREY)
    assert as_text.labels == ("0", "180", "90")
    assert "the classes are numbers, sorted as text: 0, 180, 90" in caplog.text
    ordered = datasets.load(tmp_path / "photos", image_shape=GREY, folder=FolderOptions(labels=("0", "90", "180")))
    assert ordered.labels == ("0", "90", "180")
    assert "the order of the classes is that of the file's labels: 0, 90, 180" in caplog.text
    # The same pictures in the same order: only the numbers of their classes are others.
    assert ordered.test.hashes() == as_text.test.hashes()
    for one, other in zip(as_text.test.labels, ordered.test.labels, strict=True):
        assert as_text.labels[one] == ordered.labels[other]


def test_labels_of_other_classes_change_nothing(photos):
    dataset = datasets.load(photos, image_shape=GREY, folder=FolderOptions(labels=("eight", "one")))
    assert dataset.labels == ("one", "seven")


def test_test_pictures_that_are_training_pictures_are_counted(tmp_path, caplog):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "test", first=PER_CLASS)
    for number in range(3):
        shutil.copy(tmp_path / f"train/one/00{number}.png", tmp_path / f"test/one/copy{number}.png")
    shutil.copy(tmp_path / "train/seven/000.png", tmp_path / "train/one/wrong.png")
    datasets.load(tmp_path, image_shape=GREY)
    assert "3 of 23 pictures of test are also in train: what is measured on them is better" in caplog.text
    assert "1 pictures of train are copies of others" in caplog.text
    assert "1 pictures lie in several classes" in caplog.text


def test_pictures_without_copies_are_not_spoken_of(photos, caplog):
    datasets.load(photos, image_shape=GREY)
    assert [text for text in caplog.messages if "held" not in text and "only 16 training" not in text] == []


def test_a_validation_folder_is_the_validation_split_and_calibration_avoids_it(tmp_path, caplog):
    for number, part in enumerate(("train", "valid", "test")):
        write_digits(tmp_path / part, first=number * PER_CLASS)
    shutil.copy(tmp_path / "valid/one/000.png", tmp_path / "train/one/again.png")
    dataset = datasets.load(tmp_path, image_shape=GREY, calibration=4)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.calibration, dataset.test)] == [
        17, 20, 4, 20,
    ]  # fmt: skip
    assert not hashes(dataset.calibration) & (hashes(dataset.validation) | hashes(dataset.test))
    assert "1 of 20 pictures of validation are also in train" in caplog.text


def test_the_users_own_test_pictures_leave_all_others_for_training(photos, tmp_path):
    write_digits(tmp_path / "own", first=PER_CLASS)
    dataset = datasets.load(photos, image_shape=GREY, folder=FolderOptions(test=tmp_path / "own"))
    assert len(dataset.test) == 2 * PER_CLASS
    assert len(dataset.train) + len(dataset.validation) + len(dataset.calibration) == 2 * PER_CLASS
    assert not hashes(dataset.test) & hashes(dataset.train)


def test_a_test_folder_that_is_not_there_is_refused_before_anything_is_read(photos, tmp_path):
    with pytest.raises(UsageError, match="none is no folder: expected the test pictures as"):
        FolderOptions(test=tmp_path / "none")
    with pytest.raises(UsageError, match="mnist has test images of its own"):
        datasets.load("mnist", folder=FolderOptions(test=photos))


def test_test_folder_alone_can_be_tested_on(tmp_path):
    write_digits(tmp_path / "test")
    dataset = datasets.load(tmp_path, image_shape=GREY)
    assert (len(dataset.train), len(dataset.calibration), len(dataset.test)) == (0, 0, 2 * PER_CLASS)


def test_few_unreadable_pictures_are_left_out_and_listed(photos, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))
    for name in ("one/003.png", "seven/001.png"):
        (photos / name).write_bytes(b"<html>")
    dataset = datasets.load(photos, image_shape=GREY, folder=FolderOptions(max_bad=0.1))
    parts = (dataset.train, dataset.validation, dataset.calibration, dataset.test)
    assert sum(len(part) for part in parts) == 2 * PER_CLASS - 2
    listing = tmp_path / "kept" / "unreadable" / "photos.txt"
    assert f"2 of 20 pictures cannot be read and are left out: see {listing}" in caplog.text
    assert [line.split(": is a")[0] for line in listing.read_text().splitlines()] == [
        str(photos / "one/003.png"), str(photos / "seven/001.png"),
    ]  # fmt: skip


def test_one_unreadable_picture_ends_nothing_unless_none_may_be(photos):
    (photos / "one" / "003.png").write_bytes(b"<html>")
    dataset = datasets.load(photos, image_shape=GREY)
    parts = (dataset.train, dataset.validation, dataset.calibration, dataset.test)
    assert sum(len(part) for part in parts) == 2 * PER_CLASS - 1
    with pytest.raises(ImageError, match=r"1 of 20 pictures cannot be read, more than 0%"):
        datasets.load(photos, image_shape=GREY, folder=FolderOptions(max_bad=0))


def test_many_unreadable_pictures_are_counted_in_one_message(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))
    for number in range(4):
        (photos / "one" / f"00{number}.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"4 of 20 pictures cannot be read, more than 1%: .*000\.png: is empty"):
        datasets.load(photos, image_shape=GREY)
    assert len((tmp_path / "kept" / "unreadable" / "photos.txt").read_text().splitlines()) == 4
    with pytest.raises(ValueError, match=r"max_bad is 1\.0, expected at least 0 and below 1"):
        FolderOptions(max_bad=1.0)


def test_the_seeded_split_is_that_of_before(photos):
    """What the code before streams were read chose from the same twenty files: manifests name these hashes."""
    dataset = datasets.load(photos, image_shape=GREY, seed=0)
    assert [path.removeprefix(f"{photos}/") for path in dataset.test.picture_names()] == [
        "one/004.png", "one/006.png", "seven/002.png", "seven/009.png",
    ]  # fmt: skip
    assert [part.sha256[:16] for part in (dataset.train, dataset.validation, dataset.calibration, dataset.test)] == [
        "168c696464849511", "5b8c23c29ab7276e", "66524a8a15b78314", "7ab59a8181507062",
    ]  # fmt: skip
