"""From a photo to the pixels that a file is fed: Python's own, whatever the photo's size and kind."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from cnnedge.images.decode import decode
from tests.support.demo_page import choose_file, packed

pytestmark = pytest.mark.xdist_group("demo page")
# The checksums of what the page makes of pictures, for each shape.
PIXELS = """async ([pictures, shapes]) => {
  const load = (module) => import(new URL(`${module}.js`, document.baseURI).href);
  const names = ["picture", "assets", "selfcheck"];
  const [{decode, pixelsOf}, {fromBase64}, {adler32}] = await Promise.all(names.map(load));
  const found = [];
  for (const picture of pictures) {
    const bitmap = await decode(new Blob([fromBase64(picture)]), "picture");
    found.push(shapes.map((shape) => adler32(pixelsOf(bitmap, bitmap.width, bitmap.height, shape))));
    bitmap.close();
  }
  return found;
}"""
# A pattern that both sides can make, and the checksum of what the resize makes of it.
RESIZE = """async (sizes) => {
  const load = (module) => import(new URL(`${module}.js`, document.baseURI).href);
  const [{resize}, {adler32}] = await Promise.all(["resize", "selfcheck"].map(load));
  return sizes.map(([width, height, outWidth, outHeight]) => {
    const length = 3 * width * height;
    const pixels = Uint8Array.from({length}, (_, index) => (index * 7919 + (index >> 3) * 104729) & 255);
    return adler32(resize(pixels, width, height, [outHeight, outWidth, 3]));
  });
}"""
SHAPES = [(32, 32, 3), (28, 28, 1)]


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


# How pictures are encoded: their mode, format, and options. Left out are two kinds that page/picture.js names.
KINDS = [
    ("RGB", "PNG", {}), ("L", "PNG", {}), ("P", "PNG", {}), ("RGBA", "PNG", {}), ("LA", "PNG", {}), ("1", "PNG", {}),
    ("P", "PNG", {"bits": 4}), ("P", "PNG", {"transparency": bytes(range(256))}), ("RGB", "PNG", {"icc": True}),
    ("RGB", "JPEG", {"quality": 90}), ("L", "JPEG", {}), ("RGB", "JPEG", {"progressive": True, "subsampling": 2}),
    ("CMYK", "JPEG", {}), ("RGB", "JPEG", {"quality": 30}), ("RGB", "JPEG", {"subsampling": "4:1:1"}),
    ("RGB", "JPEG", {"restart_marker_blocks": 4, "icc": True}), ("CMYK", "JPEG", {"progressive": True}),
    ("RGB", "MPO", {}), ("RGB", "WEBP", {"quality": 80}), ("RGBA", "WEBP", {}), ("RGBA", "WEBP", {"lossless": True}),
    ("P", "GIF", {}), ("P", "GIF", {"transparency": 5}), ("RGB", "BMP", {}), ("P", "BMP", {}),
]  # fmt: skip


def odd_picture(number: int) -> bytes:
    """An encoded picture of an odd size, one kind after the other, every other JPEG and WebP turned by its EXIF."""
    random = np.random.default_rng(number)
    width, height = random.integers(20, 300, 2).tolist()
    noise = Image.fromarray(random.integers(0, 256, (height // 8 + 2, width // 8 + 2, 4)).astype(np.uint8), "RGBA")
    picture = noise.resize((width, height), Image.Resampling.BICUBIC)
    mode, format, options = KINDS[number % len(KINDS)]
    options = dict(options)
    if options.pop("icc", False):
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    if format in ("JPEG", "WEBP") and number % 2:
        options["exif"] = turned(1 + number % 8)
    stream = io.BytesIO()
    picture.convert("RGB" if mode == "CMYK" else picture.mode).convert(mode).save(stream, format, **options)
    return stream.getvalue()


def turned(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def test_three_hundred_odd_photos_become_the_same_pixels(page):
    pictures = [odd_picture(number) for number in range(300)]
    found = page.evaluate(PIXELS, [[packed(picture) for picture in pictures], SHAPES])
    for number, (picture, checksums) in enumerate(zip(pictures, found, strict=True)):
        expected = [zlib.adler32(decode(picture, shape).tobytes()) for shape in SHAPES]
        assert checksums == expected, (number, KINDS[number % len(KINDS)])


def test_a_photo_of_48_megapixels_is_answered(phone, tmp_path):
    """The page stays on its feet, and says what one of more than 100 megapixels must be."""
    path = tmp_path / "large.jpg"
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8))
    noise.resize((8064, 6048)).save(path, quality=60)
    choose_file(phone, "cifar10_int8.tflite")
    phone.set_input_files("#pick", path)
    phone.locator("#facts").filter(has_text="ms · cifar10_int8.tflite").wait_for(timeout=60_000)
    script = "() => Array.from(document.getElementById('fed').getContext('2d').getImageData(0, 0, 32, 32).data)"
    fed = np.array(phone.evaluate(script), np.uint8).reshape(32, 32, 4)
    np.testing.assert_array_equal(fed[..., :3], decode(path, (32, 32, 3)))
    Image.new("1", (10_001, 10_000)).save(tmp_path / "larger.png")
    phone.set_input_files("#pick", tmp_path / "larger.png")
    said = "larger.png has 10001 x 10000 pixels, expected at most 100 million: scale it down first"
    phone.locator("#trouble").filter(has_text=said).wait_for(timeout=60_000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "it is HEIC, which few browsers read. Choose a JPEG"),
        (b"II*\0\x08\0\0\0", "it is TIFF, which few browsers read"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "it is JPEG 2000, which few browsers read"),
        (b"", "it is empty. Choose a JPEG, PNG or WebP"),
        (b"words", "it is damaged or no picture"),
    ],
    ids=["HEIC", "TIFF", "JPEG 2000", "empty", "words"],
)
def test_what_a_browser_does_not_read_is_called_what_it_is(page, content, words):
    """By its bytes: iPhones' photos are also sent on as .jpg."""
    page.set_input_files("#pick", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": content})
    page.locator("#trouble").filter(has_text=f"photo.jpg cannot be opened by this browser: {words}").wait_for()
