"""The decoders against files that are put together byte by byte here."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.data.published import parse
from cnnedge.data.published.parse import ARRAY_NAMES, CIFAR_BATCHES
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import silent
from tests.support.raw_datasets import few_digits, gz_files, idx, idx_files, tar_gz

IMAGES_PER_BATCH = 3
# The published hashes of the unpacked IDX files and of CIFAR-10's binary batches (MD5, by its README).
IDX_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
BATCH_MD5 = {
    "data_batch_1": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch": "803d5f7f4d78ea53de84dbe85f74fb6d",
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def equal(arrays, expected) -> bool:
    return all(arrays[name].dtype == np.uint8 and np.array_equal(arrays[name], expected[name]) for name in ARRAY_NAMES)


@pytest.mark.parametrize(
    ("files", "decoder"),
    [(idx_files, parse.mnist_idx), (gz_files, parse.mnist_idx_gz)],
    ids=["plain", "gzipped"],
)
def test_mnist_files_give_the_images_they_were_made_from(tmp_path, files, decoder):
    assert equal(decoder(write(tmp_path, files()), silent), few_digits())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "does not begin like an IDX file"),
        (b"\0\0\x0b\x01" + bytes(100), "does not begin like an IDX file"),
        (b"\0\0\x08\x03\0\0", "ends inside its header"),
        (idx(few_digits()["x_train"])[:-1], "does not hold the 31,360 values"),
        (idx(few_digits()["x_train"]) + b"\0", "does not hold the 31,360 values"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 28, 28), "expected at most 50,000,000"),
    ],
    ids=["empty", "other-type", "cut-header", "cut-content", "extra-content", "huge-claim"],
)
def test_malformed_idx_is_refused(tmp_path, content, complaint):
    files = idx_files() | {"train-images-idx3-ubyte": content}
    with pytest.raises(ValueError, match=complaint):
        parse.mnist_idx(write(tmp_path, files), silent)


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: b"no gzip"], ids=["cut", "text"])
def test_damaged_gzip_is_malformed_content(tmp_path, damage):
    name = "train-images-idx3-ubyte.gz"
    write(tmp_path, gz_files() | {name: damage(gz_files()[name])})
    with pytest.raises(SourceFailed, match="malformed content"), malformed_content_fails():
        parse.mnist_idx_gz(tmp_path, silent)


@pytest.fixture
def batches():
    """Six small CIFAR-10 batches of random images and labels."""
    random = np.random.default_rng(0)
    return {
        batch: (
            random.integers(0, 256, (IMAGES_PER_BATCH, 32, 32, 3), np.uint8),
            random.integers(0, 10, IMAGES_PER_BATCH, np.uint8),
        )
        for batch in CIFAR_BATCHES
    }


def arrays_of(batches):
    return {
        "x_train": np.concatenate([batches[f"data_batch_{number}"][0] for number in range(1, 6)]),
        "y_train": np.concatenate([batches[f"data_batch_{number}"][1] for number in range(1, 6)]),
        "x_test": batches["test_batch"][0],
        "y_test": batches["test_batch"][1],
    }


def records(images: np.ndarray, labels: np.ndarray) -> bytes:
    """One label byte, then the red, green and blue planes, for every image."""
    return b"".join(
        bytes([label]) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
        for image, label in zip(images, labels, strict=True)
    )


def binary_archive(batches, **changes: bytes) -> dict[str, bytes]:
    contents = {batch: records(*batches[batch]) for batch in batches} | changes
    members = {f"cifar-10-batches-bin/{batch}.bin": content for batch, content in contents.items()}
    return {"cifar-10-binary.tar.gz": tar_gz({"cifar-10-batches-bin/readme.html": b"hello"} | members)}


def test_cifar10_binary_archive_gives_the_images_it_was_made_from(tmp_path, batches):
    write(tmp_path, binary_archive(batches))
    assert equal(parse.cifar10_binary(tmp_path, silent), arrays_of(batches))


def test_cifar10_batch_with_half_a_record_is_refused(tmp_path, batches):
    write(tmp_path, binary_archive(batches, data_batch_2=bytes(3073 + 1536)))
    with pytest.raises(ValueError, match=r"data_batch_2\.bin is not 1 to 10,000 records of 3,073 bytes"):
        parse.cifar10_binary(tmp_path, silent)


def write_sheets(folder: Path, batches) -> Path:
    for batch, (images, _) in batches.items():
        Image.fromarray(images.reshape(len(images), 1024, 3)).save(folder / f"{batch}.png")
    arrays = arrays_of(batches)
    (folder / "train_lables.json").write_text(json.dumps(arrays["y_train"].tolist()))
    (folder / "test_lables.json").write_text(json.dumps(arrays["y_test"].tolist()))
    return folder


def test_cifar10_sheets_give_the_images_they_were_made_from(tmp_path, batches):
    assert equal(parse.cifar10_png(write_sheets(tmp_path, batches), silent), arrays_of(batches))


@pytest.mark.parametrize(("mode", "size"), [("L", (1024, 3)), ("RGB", (32, 3)), ("RGB", (1024, 10_001))])
def test_sheet_of_another_form_is_refused(tmp_path, batches, mode, size):
    write_sheets(tmp_path, batches)
    Image.new(mode, size).save(tmp_path / "data_batch_3.png")
    with pytest.raises(ValueError, match=rf"data_batch_3\.png is {mode} {size[0]}x{size[1]}, expected RGB"):
        parse.cifar10_png(tmp_path, silent)


@pytest.mark.parametrize("labels", ['{"0": 1}', "[1, -1]", "[true]", "[256]", "[1.5]"])
def test_labels_that_are_no_list_of_bytes_are_refused(tmp_path, batches, labels):
    write_sheets(tmp_path, batches)
    (tmp_path / "test_lables.json").write_text(labels)
    with pytest.raises(ValueError, match=r"test_lables\.json is not a list of whole numbers"):
        parse.cifar10_png(tmp_path, silent)


def test_cut_sheet_is_malformed_content(tmp_path, batches):
    sheet = write_sheets(tmp_path, batches) / "data_batch_1.png"
    sheet.write_bytes(sheet.read_bytes()[:200])
    with pytest.raises(SourceFailed, match="malformed content"), malformed_content_fails():
        parse.cifar10_png(tmp_path, silent)


def test_progress_reaches_its_total(tmp_path, batches):
    reports = []
    parse.cifar10_png(write_sheets(tmp_path, batches), lambda *report: reports.append(report))
    assert reports == [("decode cifar10", done, 6) for done in range(1, 7)]


def test_mnist_is_byte_for_byte_the_published_files(mnist_arrays):
    rebuilt = {name: idx(mnist_arrays[array]) for name, array in zip(IDX_SHA256, ARRAY_NAMES, strict=True)}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in rebuilt.items()} == IDX_SHA256


def test_cifar10_is_byte_for_byte_the_published_batches(cifar10_arrays):
    images = np.concatenate([cifar10_arrays["x_train"], cifar10_arrays["x_test"]])
    labels = np.concatenate([cifar10_arrays["y_train"], cifar10_arrays["y_test"]])
    planes = images.transpose(0, 3, 1, 2).reshape(6, 10_000, 3072)
    batches = np.concatenate([labels.reshape(6, 10_000, 1), planes], axis=2)
    found = [hashlib.md5(batch.tobytes(), usedforsecurity=False).hexdigest() for batch in batches]
    assert dict(zip(BATCH_MD5, found, strict=True)) == BATCH_MD5
