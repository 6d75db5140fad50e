"""Each corruption against an independent answer, and all of them: the same every time, and worse with severity."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image

from cnnedge.scoring.corruptions import SEVERITIES, corrupt
from tests.support.digits import digits


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Eight colour pictures of noise, 32 x 32; black and white pixels among them."""
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    images[:, 0, :2] = [[0, 0, 0], [255, 255, 255]]
    return images


@pytest.fixture(scope="module")
def handwriting() -> np.ndarray:
    return digits("test")[0][:40]


@pytest.mark.parametrize("name", SEVERITIES)
@pytest.mark.parametrize("kind", ["noise", "handwriting"])
def test_the_same_every_time_and_worse_with_severity(name, kind, request):
    images = request.getfixturevalue(kind)
    found = [corrupt(images, name, severity) for severity in range(1, 6)]
    assert all(one.shape == images.shape and one.dtype == np.uint8 for one in found)
    np.testing.assert_array_equal(corrupt(images, name, 3), found[2])
    errors = [np.mean((one.astype(float) - images) ** 2) for one in found]
    assert errors == sorted(errors) and errors[0] > 0, errors


@pytest.mark.parametrize("severity", [1, 5])
def test_noises_have_the_spread_of_their_definition(severity):
    """Grey 128 of 255: a normal deviation c, and sqrt(grey / photons) of a Poisson count.

    A deviation estimated from n = 98,304 values is off by 1 / sqrt(2 n) = 0.23 %, relative; 1 % is four times that.
    Rounding to whole pixel values adds a variance of 1/12.
    """
    grey = np.full((32, 32, 32, 3), 128, np.uint8)
    deviations = {
        "gaussian_noise": 255 * SEVERITIES["gaussian_noise"][severity - 1],
        "shot_noise": 255 * np.sqrt(128 / 255 / SEVERITIES["shot_noise"][severity - 1]),
    }
    for name, deviation in deviations.items():
        found = corrupt(grey, name, severity).astype(float)
        assert found.std() == pytest.approx(np.sqrt(deviation**2 + 1 / 12), rel=0.01)
        assert found.mean() == pytest.approx(128, abs=4 * deviation / np.sqrt(found.size))
    assert (corrupt(grey, "gaussian_noise", severity, seed=1) != corrupt(grey, "gaussian_noise", severity)).any()


def test_blur_is_a_convolution_with_a_gaussian():
    """One white pixel becomes the kernel, written out by hand; each pixel is rounded by at most half a step."""
    image = np.zeros((1, 21, 21, 1), np.uint8)
    image[0, 10, 10] = 255
    sigma = SEVERITIES["gaussian_blur"][4]
    kernel = np.exp(-0.5 * (np.arange(-10, 11) / sigma) ** 2)
    kernel /= kernel.sum()
    expected = 255 * np.outer(kernel, kernel)
    # scipy cuts the kernel off at 4 sigma, where the two tails hold 6e-5 of it: 0.02 of a pixel value at most.
    np.testing.assert_allclose(corrupt(image, "gaussian_blur", 5)[0, ..., 0], expected, atol=0.5 + 0.02)


def test_brightness_is_the_value_of_hsv(noise):
    found = corrupt(noise[:1], "brightness", 4)
    for before, after in zip(noise[0].reshape(-1, 3), found[0].reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + SEVERITIES["brightness"][3], 1))
        np.testing.assert_allclose(after, 255 * np.array(expected), atol=0.5 + 1e-9)


def test_contrast_keeps_the_mean_and_shrinks_the_spread(noise):
    found = corrupt(noise, "contrast", 5).astype(float)
    # Rounding moves each of the 1,024 pixels of a channel by at most half a step, its mean by 4 x 0.29 / 32.
    np.testing.assert_allclose(found.mean(axis=(1, 2)), noise.mean(axis=(1, 2)), atol=0.04)
    np.testing.assert_allclose(found.std(axis=(1, 2)), 0.15 * noise.std(axis=(1, 2)), rtol=0.02)


def test_jpeg_is_pillows(noise, handwriting):
    for images in (noise, handwriting):
        stream = io.BytesIO()
        Image.fromarray(images[0].squeeze()).save(stream, "JPEG", quality=58)
        expected = np.asarray(Image.open(stream)).reshape(images[0].shape)
        np.testing.assert_array_equal(corrupt(images, "jpeg", 3)[0], expected)


@pytest.mark.parametrize(("severity", "side"), [(1, 30), (4, 24), (5, 20)])
def test_pixelate_leaves_fewer_rows_and_columns(noise, severity, side):
    """Of 32 rows of noise, all different, only ``side`` are left; the others are copies of their neighbour."""
    found = corrupt(noise[:1], "pixelate", severity)[0].astype(int)
    for axis in (0, 1):
        copies = (np.diff(found, axis=axis) == 0).all(axis=(1 - axis, 2))
        assert copies.sum() == 32 - side


def test_bad_requests(noise):
    for name, severity in (("fog", 1), ("jpeg", 0), ("jpeg", 6)):
        with pytest.raises(ValueError, match=rf"{name} at severity {severity}, expected 1\.\.5 of gaussian_noise"):
            corrupt(noise, name, severity)
    with pytest.raises(ValueError, match=r"images are float64 .*, expected uint8"):
        corrupt(noise / 255, "jpeg", 1)
    with pytest.raises(ValueError, match=r"images are uint8 \(8, 32, 32\), expected"):
        corrupt(noise[..., 0], "jpeg", 1)
