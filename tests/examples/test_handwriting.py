"""Pictures of digits, drawn here in every way that people hand them in, against what MNIST would have made of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from cnnedge.data import pixels_of
from cnnedge.errors import ImageError
from cnnedge.examples.handwriting import BOX, SIDE, read_digit
from cnnedge.runtime.opening import open_runner

ORIENTATION = 0x0112
MNIST = Path(__file__).parents[2] / "exported" / "mnist" / "mnist_float32.tflite"


def seven(ink: int = 30, paper: int = 230) -> Image.Image:
    """A printed 7 in the upper right of a page, grey 400 x 300."""
    page = Image.new("L", (400, 300), paper)
    ImageDraw.Draw(page).text((240, 10), "7", fill=ink, font=ImageFont.load_default(180))
    return page


def read(picture: Image.Image, folder, **options):
    file = folder / "picture.png"
    picture.save(file, **options)
    return read_digit(file)


def test_dark_ink_is_inverted_fitted_and_centred(tmp_path):
    digit = read(seven(), tmp_path)
    assert digit.inverted
    assert digit.seen.shape == (SIDE, SIDE, 1) and digit.seen.dtype == np.uint8
    ink = digit.seen[..., 0]
    rows, columns = np.nonzero(ink)
    assert np.ptp(rows) + 1 == BOX and np.ptp(columns) + 1 < BOX  # a 7 is higher than wide
    # The digit moves by whole pixels: its centre of mass is at most half of one away from the middle.
    assert np.abs(np.array(ndimage.center_of_mass(ink)) - SIDE / 2).max() <= 0.5 + 1e-9
    assert ink.max() == 255 and ink[0].max() == 0


def test_light_on_dark_gives_the_same_and_is_not_inverted(tmp_path):
    inverted = read(seven(), tmp_path)
    plain = read(seven().point(lambda grey: 255 - grey), tmp_path)
    assert not plain.inverted
    assert np.array_equal(plain.seen, inverted.seen)


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn by 90 degrees clockwise to view
    lying = seven().transpose(Image.Transpose.ROTATE_90)
    assert np.array_equal(read(lying, tmp_path, exif=exif).seen, read(seven(), tmp_path).seen)
    assert read(lying, tmp_path, exif=exif).given.shape == (192, 256)  # 300 x 400 scaled to 256, not squashed


def test_shadow_on_the_paper_drops_out(tmp_path):
    lit = np.asarray(seven(), np.float32)
    shaded = lit * np.linspace(1, 0.4, lit.shape[1], dtype=np.float32)
    seen, expected = read(Image.fromarray(shaded.astype(np.uint8)), tmp_path).seen, read(seven(), tmp_path).seen
    # Under the 7 the light falls by a tenth, so the strength of its ink varies by as much, at its edges mostly.
    assert np.abs(seen.astype(int) - expected).mean() < 0.02 * 255


def test_speck_is_left_out(tmp_path):
    dirty = seven()
    ImageDraw.Draw(dirty).ellipse((20, 250, 26, 256), fill=30)
    assert np.array_equal(read(dirty, tmp_path).seen, read(seven(), tmp_path).seen)


def test_thin_pen_is_broadened(tmp_path):
    page = Image.new("L", (600, 600), 240)
    ImageDraw.Draw(page).line([(150, 100), (450, 100), (250, 500)], fill=40, width=5)
    ink = read(page.filter(ImageFilter.GaussianBlur(1)), tmp_path).seen[..., 0]
    # Unbroadened, the pen's 5 of 400 pixels are a quarter of a pixel of the 20: a faint line. MNIST's stroke is 2.7.
    below_the_bar = ink[SIDE // 2 : SIDE // 2 + 6]
    assert 2 <= (below_the_bar > 100).sum(axis=1).mean() <= 4


def test_mnist_digits_come_back_as_they_were(sample, tmp_path):
    given = pixels_of(sample.test, 200)
    seen = np.stack([read(Image.fromarray(image[..., 0]), tmp_path).seen for image in given])
    labels = sample.test.labels[:200]
    with open_runner(MNIST) as runner:  # it makes 27 mistakes in 10,000: whatever more there are, reading makes
        right = [np.mean(runner.predict(images).argmax(1) == labels) for images in (given, seen)]
    # Smoothing moves single grey values; of 200 answers at most 4 may go wrong for that.
    assert right[1] >= right[0] - 0.02


@pytest.mark.parametrize("paper", [0, 128, 255])
def test_blank_page_is_refused(paper, tmp_path):
    with pytest.raises(ImageError, match=r"picture\.png: no digit found"):
        read(Image.new("L", (200, 100), paper), tmp_path)


@pytest.mark.parametrize("paper", [20, 128, 240])
def test_noisy_blank_page_is_refused(paper, tmp_path):
    noise = np.random.default_rng(0).normal(paper, 5, (300, 400)).clip(0, 255).astype(np.uint8)
    with pytest.raises(ImageError, match="no digit found"):
        read(Image.fromarray(noise), tmp_path)


def test_text_file_is_refused(tmp_path):
    file = tmp_path / "seven.png"
    file.write_text("seven")
    with pytest.raises(ImageError, match=r"seven\.png: not a picture"):
        read_digit(file)


def test_absent_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"nine\.png: No such file"):
        read_digit(tmp_path / "nine.png")
