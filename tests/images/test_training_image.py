"""Image files as people have them, brought to a network's form."""

import numpy as np
import pytest
from PIL import Image

from cnnedge.errors import ImageError
from cnnedge.images.training_image import decode_image

# Left half red, right half blue.
RED, BLUE = (255, 0, 0), (0, 0, 255)
# JPEG, and the way to CMYK and back, move a saturated colour by a few grey levels; 12 is well below the 255
# that swapped halves, inverted channels or clipped values would show.
TOLERANCE = 12


@pytest.fixture
def halves() -> Image.Image:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = RED, BLUE
    return Image.fromarray(pixels)


def decoded(tmp_path, image: Image.Image, suffix: str, shape=(16, 32, 3), **options) -> np.ndarray:
    path = tmp_path / f"image{suffix}"
    image.save(path, **options)
    return decode_image(path, shape)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".png", "RGB"), (".png", "P"), (".png", "RGBA"), (".gif", "P"), (".jpg", "RGB"), (".jpg", "CMYK"),
     (".bmp", "RGB"), (".tif", "CMYK"), (".webp", "RGB")],
)  # fmt: skip
def test_colours_survive_every_format(tmp_path, halves, suffix, mode):
    options = {"quality": 95, "subsampling": 0} if suffix == ".jpg" else {}
    if suffix == ".webp":
        options = {"lossless": True}
    pixels = decoded(tmp_path, halves.convert(mode), suffix, **options).astype(int)
    assert np.abs(pixels - np.asarray(halves, int)).max() <= TOLERANCE


def test_exif_orientation_is_applied(tmp_path, halves):
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    pixels = decoded(tmp_path, halves, ".png", exif=exif)
    assert pixels[0, 0].tolist() == list(BLUE)
    assert pixels[0, -1].tolist() == list(RED)


def test_transparent_pixels_show_white(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    grey = decoded(tmp_path, Image.fromarray(pixels), ".png", (4, 4, 1))
    assert (grey[:2] == 0).all()
    assert (grey[2:] == 255).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert decoded(tmp_path, Image.fromarray(values), suffix, (1, 4, 1)).ravel().tolist() == [0, 1, 128, 255]


def test_black_and_white_becomes_0_and_255(tmp_path):
    image = Image.fromarray(np.array([[True, False]]))
    assert decoded(tmp_path, image, ".png", (1, 2, 1)).ravel().tolist() == [255, 0]


def test_other_size_is_averaged_over_all_pixels(tmp_path):
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    # Every 8x8 block of a chessboard averages 127.5; picking single pixels would give 0 or 255.
    small = decoded(tmp_path, Image.fromarray(board.astype(np.uint8)), ".png", (8, 8, 1))
    assert np.abs(small.astype(int) - 127.5).max() <= 1


def test_float_pixels_are_refused(tmp_path):
    with pytest.raises(ImageError, match="pixels of type F, expected 8 or 16 bits"):
        decoded(tmp_path, Image.new("F", (4, 4)), ".tif", (4, 4, 1))


def test_folder_or_missing_file_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "missing.png"):
        with pytest.raises(ImageError, match=f"{path} cannot be decoded"):
            decode_image(path, (4, 4, 1))
