"""Which test images a set of files is measured with."""

import pytest

from cnnedge.scoring.testdata import choose_dataset
from tests.support import models


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
