"""The metadata is read back here by our reader; tests/test_mediapipe.py has MediaPipe's own read it."""

import dataclasses
import subprocess

import pytest

from cnnedge.errors import ModelError
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite import standard_metadata as standard
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.formats.tflite.label_archive import append_files
from tests.support import models
from tests.support.labelled_files import PASSPORT

METADATA = standard.StandardMetadata(
    name="Größe", description="a b", version="1", author="someone", licence="MIT", colour="RGB",
    mean=(127.5, 120.0, 110.5), std=(2.0, 4.0, 8.0), input_min=(-1.0,), input_max=(1.0,), output_min=(0.0,),
    output_max=(1.0,), label_file="names.txt",
)  # fmt: skip


def test_what_is_written_is_read():
    assert standard.read(standard.write(METADATA)) == METADATA


@pytest.mark.parametrize("shape, colour", [((28, 28, 1), "grey"), ((28, 28, 3), "RGB")])
def test_our_files_take_raw_pixels(shape, colour):
    passport = dataclasses.replace(PASSPORT, input_shape=shape, made={"source_sha256": "0123456789abcdef"})
    found = standard.of_passport(passport)
    assert (found.colour, found.mean, found.std, found.input_max) == (colour, (0.0,), (1.0,), (255.0,))
    assert (found.name, found.version, found.label_file) == ("digits", "0123456789ab", "labels.txt")
    assert not found.scales_pixels and METADATA.scales_pixels


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "digits.tflite"
    path.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    return path


def test_a_file_carries_metadata_and_labels(file):
    opened = open_model_file(file)
    assert opened.standard_metadata == standard.of_passport(PASSPORT)
    assert standard.read_labels(opened.content, opened.standard_metadata.label_file) == PASSPORT.labels


def test_labels_are_found_by_unzip(file, tmp_path):
    subprocess.run(["python3", "-m", "zipfile", "-e", str(file), str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / "labels.txt").read_text().split("\n") == list("0123456789")


def test_the_file_is_still_checked_and_damaged_ones_still_refused(file):
    content = file.read_bytes()
    open_model_file(content, "tflite").check_runnable()
    for cut in (100, len(content) // 2):
        with pytest.raises(ModelError):
            open_model_file(content[:cut], "tflite").check_runnable()


@pytest.mark.parametrize("label", ["two\nlines", "", " ", "a\rb", "a\u2028b"])
def test_labels_that_do_not_fit_a_line_are_refused(label):
    passport = dataclasses.replace(PASSPORT, labels=(label, *PASSPORT.labels[1:]))
    with pytest.raises(ModelError, match=r"cannot stand on one line of labels.txt: rename the class"):
        embed_passport_tflite(models.digits_tflite(), passport)


@pytest.mark.parametrize("content", ["a\nb", "a\nb\n", "a\r\nb\r\n"])
def test_line_ends_of_other_systems(content):
    whole = append_files(models.digits_tflite(), {"names.txt": content.encode()})
    assert standard.read_labels(whole, "names.txt") == ("a", "b")


def test_a_mark_before_the_first_label_is_no_part_of_it():
    content = append_files(b"", {"names.txt": b"\xef\xbb\xbfcat\ndog"})
    assert standard.read_labels(content, "names.txt") == ("cat", "dog")


def test_labels_that_are_not_text():
    with pytest.raises(ModelError, match=r"'names\.txt' in the archive is not UTF-8 text"):
        standard.read_labels(append_files(b"", {"names.txt": b"\xff\xfe"}), "names.txt")


def test_every_damage_is_an_error_and_nothing_else():
    data = standard.write(METADATA)
    damaged = [data[:length] for length in range(len(data))]
    damaged += [
        data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in range(len(data)) for bit in (1, 128, 255)
    ]
    refused = 0
    for content in damaged:
        try:
            standard.read(content)
        except ModelError:
            refused += 1
    assert refused > len(data)  # every truncation, and many of the flipped bytes


def test_metadata_that_says_nothing():
    import flatbuffers

    builder = flatbuffers.Builder(64)
    builder.StartObject(0)
    builder.Finish(builder.EndObject(), b"M001")
    found = standard.read(bytes(builder.Output()))
    assert (found.name, found.colour, found.mean, found.label_file) == ("", "unknown", (), None)
    assert not found.scales_pixels
