"""From a photo to the pixels that a file is fed: Python's own, whatever the photo's size and kind."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from cnnedge.images.decode import decode
from tests.support.demo_page import packed

pytestmark = pytest.mark.xdist_group("demo page")
PIXELS = """async ([pictures, shapes]) => {
  const load = (module) => import(new URL(`${module}.js`, document.baseURI).href);
  const [{decode, pixelsOf}, {fromBase64}] = await Promise.all(["picture", "assets"].map(load));
  const found = [];
  for (const picture of pictures) {
    const bitmap = await decode(new Blob([fromBase64(picture)]), "picture");
    found.push(shapes.map((shape) => Array.from(pixelsOf(bitmap, bitmap.width, bitmap.height, shape))));
  }
  return found;
}"""
# A pattern that both sides can make, and the checksum of what the resize makes of it.
RESIZE = """async (sizes) => {
  const {resize} = await import(new URL("resize.js", document.baseURI).href);
  return sizes.map(([width, height, outWidth, outHeight]) => {
    const length = 3 * width * height;
    const pixels = Uint8Array.from({length}, (_, index) => (index * 7919 + (index >> 3) * 104729) & 255);
    let [low, high] = [1, 0];
    for (const value of resize(pixels, width, height, [outHeight, outWidth, 3])) {
      low = (low + value) % 65521;
      high = (high + low) % 65521;
    }
    return ((high << 16) | low) >>> 0;
  });
}"""


def test_the_resize_is_pillows_on_a_thousand_sizes(page):
    """Rows first, then columns, whatever the proportions: as images/pixels.py."""
    sizes = np.random.default_rng(3).integers(1, 220, (1000, 4))
    sizes[:, 2:] = sizes[:, 2:] // 4 + 1
    found = page.evaluate(RESIZE, sizes.tolist())
    for (width, height, out_width, out_height), checksum in zip(sizes.tolist(), found, strict=True):
        index = np.arange(3 * width * height)
        pixels = ((index * 7919 + (index >> 3) * 104729) & 255).astype(np.uint8).reshape(height, width, 3)
        expected = decode(pixels, (out_height, out_width, 3))
        assert zlib.adler32(expected.tobytes()) == checksum, (width, height, out_width, out_height)


def odd_picture(number: int) -> bytes:
    """An encoded picture of an odd size and kind: PNG, JPEG, WebP and GIF; grey, palette, alpha, CMYK, turned."""
    random = np.random.default_rng(number)
    width, height = random.integers(20, 300, 2).tolist()
    noise = Image.fromarray(random.integers(0, 256, (height // 8 + 2, width // 8 + 2, 4)).astype(np.uint8), "RGBA")
    picture = noise.resize((width, height), Image.Resampling.BICUBIC)
    mode, format, options = KINDS[number % len(KINDS)]
    if format == "JPEG" and number % 2:
        options = {**options, "exif": turned(1 + number % 8)}
    stream = io.BytesIO()
    picture.convert("RGB" if mode == "CMYK" else picture.mode).convert(mode).save(stream, format, **options)
    return stream.getvalue()


KINDS = [
    ("RGB", "PNG", {}), ("L", "PNG", {}), ("P", "PNG", {}), ("RGBA", "PNG", {}), ("LA", "PNG", {}), ("1", "PNG", {}),
    ("RGB", "JPEG", {"quality": 90}), ("L", "JPEG", {}), ("RGB", "JPEG", {"progressive": True, "subsampling": 2}),
    ("CMYK", "JPEG", {}), ("RGB", "JPEG", {"quality": 30}), ("RGB", "WEBP", {"quality": 80}), ("P", "GIF", {}),
]  # fmt: skip


def turned(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def test_odd_photos_become_the_same_pixels(page):
    pictures, shapes = [odd_picture(number) for number in range(104)], [(32, 32, 3), (28, 28, 1)]
    found = page.evaluate(PIXELS, [[packed(picture) for picture in pictures], shapes])
    for number, (picture, answers) in enumerate(zip(pictures, found, strict=True)):
        for shape, answer in zip(shapes, answers, strict=True):
            pixels = np.array(answer, np.uint8).reshape(shape)
            np.testing.assert_array_equal(pixels, decode(picture, shape), f"{number}: {KINDS[number % len(KINDS)]}")
