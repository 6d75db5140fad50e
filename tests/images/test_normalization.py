"""What a pixel becomes before a file sees it."""

import numpy as np
import pytest

from cnnedge.errors import ModelError, UsageError
from cnnedge.images.normalization import RAW, Normalization, asked_normalization, pixel_table
from cnnedge.runtime.opening import open_runner
from tests.support import models


def test_a_mean_and_deviation_for_each_channel_by_hand():
    normalization = Normalization(mean=(0.0, 100.0, 255.0), std=(1.0, 50.0, 255.0))
    values = normalization.values(3)
    assert values.shape == (256, 3)
    assert values[0].tolist() == [0, -2, -1] and values[200].tolist() == [200, 2, -55 / 255]
    assert not normalization.is_raw and RAW.is_raw


def test_a_quantized_input_takes_the_scaled_pixels_by_its_own_parameters():
    # -1..1 in int8 with scale 1/127: pixel 0 is -127, pixel 255 is 127, pixel 128 is round(0.5 / 127.5 * 127) = 0.
    table = pixel_table("x", "int8", 1 / 127, 0, Normalization((127.5,), (127.5,)).values(1))
    assert table.dtype == np.int8 and table[[0, 128, 255], 0].tolist() == [-127, 0, 127]


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.0,), (0.0,), "expected numbers above 0"),
        ((0.0,), (-1.0,), "expected numbers above 0"),
        ((float("nan"),), (1.0,), "expected a finite number"),
        ((), (1.0,), "expected a finite number for each channel"),
    ],
)
def test_what_pixels_cannot_be_divided_by_is_refused(mean, std, message):
    with pytest.raises(ValueError, match=message):
        Normalization(mean, std)


def test_the_channels_must_fit():
    with pytest.raises(ValueError, match="mean has 3 numbers, expected 1 or 1"):
        Normalization(mean=(1.0, 2.0, 3.0)).values(1)


def test_a_file_made_for_scaled_images_is_answered_only_with_its_scaling():
    """The float digits file takes 0..255; fed -1..1 it must give what the raw file gives on the pixels scaled by
    hand, and a file whose int8 input ends at 1 is refused until told."""
    images, _ = models.digits("test")
    scaled = ((images[:20].astype(np.float32) - 127.5) / 127.5).astype(np.float32)
    content = models.digits_tflite("float32")
    with (
        open_runner(content, format="tflite") as raw,
        open_runner(content, format="tflite", mean=[127.5], std=[127.5]) as told,
    ):
        expected = np.concatenate([raw.probabilities(raw.run(image[None])) for image in scaled])
        assert (told.prepare(images[:20]) == scaled).all()
        assert (told.predict(images[:20]) == expected).all()
    with pytest.raises(ModelError, match=r"reaches 1 only, expected pixels 0\.\.255: it was made for scaled images"):
        pixel_table("x", "int8", 1 / 255, -128, RAW.values(1))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_channels_keep_their_own_scaling_in_either_layout(layout):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8)
    mean, std = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0)
    with open_runner(
        models.colours_onnx(dtype="float32", layout=layout), format="onnx", mean=mean, std=std
    ) as runner:  # fmt: skip
        prepared = runner.prepare(images)
    expected = (images - np.array(mean)) / np.array(std)
    if layout == "NCHW":
        expected = expected.transpose(0, 3, 1, 2)
    # One rounding from float64 to float32.
    assert prepared.dtype == np.float32 and np.abs(prepared - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ("0.485,0.456,0.406", "0.229,0.224,0.225", "--mean 123.675,116.28,103.53 --std 58.395,57.12,57.375"),
        ("0.5", "0.5", "--mean 127.5 --std 127.5"),
    ],
)
def test_numbers_for_pixels_0_to_1_are_named_and_turned_into_ours(mean, std, words):
    with pytest.raises(UsageError, match=rf"is for pixels 0\.\.1 .*torchvision.*0\.\.255: give {words}$"):
        asked_normalization(mean, std)
    assert asked_normalization("0", "1") == RAW
