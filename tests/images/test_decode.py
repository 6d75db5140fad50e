import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.errors import ImageError
from cnnedge.images import pixels
from cnnedge.images.decode import decode

# Four quarters: red, green / blue, white. Large enough that JPEG and scaling leave each quarter's middle alone.
QUARTERS = np.zeros((16, 16, 3), np.uint8)
QUARTERS[:8, :8], QUARTERS[:8, 8:], QUARTERS[8:, :8], QUARTERS[8:, 8:] = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
)  # fmt: skip
SHAPE = (16, 16, 3)
# ITU-R 601 luma of the quarters, as integers.
LUMA = (76, 150, 29, 255)


def encoded(picture: Image.Image, format: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def test_array_of_the_right_shape_is_used_as_it_is():
    assert decode(QUARTERS, SHAPE) is QUARTERS


@pytest.mark.parametrize("form", ["path", "text", "bytes", "stream", "pillow", "array"])
def test_every_source_gives_the_same_pixels(tmp_path, form):
    path = tmp_path / "quarters.png"
    path.write_bytes(encoded(Image.fromarray(QUARTERS)))
    sources = {
        "path": path, "text": str(path), "bytes": path.read_bytes(), "stream": io.BytesIO(path.read_bytes()),
        "pillow": Image.open(path), "array": QUARTERS,
    }  # fmt: skip
    assert (decode(sources[form], SHAPE) == QUARTERS).all()


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 1)])
def test_grey_arrays_with_and_without_a_channel(shape):
    grey = np.arange(256, dtype=np.uint8).reshape(shape)
    assert (decode(grey, (16, 16, 1))[..., 0] == grey.reshape(16, 16)).all()
    assert (decode(grey, SHAPE) == grey.reshape(16, 16, 1)).all()


def test_colour_becomes_luma():
    grey = decode(QUARTERS, (16, 16, 1))
    assert (grey[4, 4, 0], grey[4, 12, 0], grey[12, 4, 0], grey[12, 12, 0]) == LUMA


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    # How each of the eight orientations stores an upright picture, from the EXIF standard (tag 0x0112).
    stored = {
        1: QUARTERS, 2: QUARTERS[:, ::-1], 3: QUARTERS[::-1, ::-1], 4: QUARTERS[::-1],
        5: QUARTERS.transpose(1, 0, 2), 6: np.rot90(QUARTERS, 1), 7: QUARTERS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(QUARTERS, -1),
    }[orientation]  # fmt: skip
    picture = Image.fromarray(np.ascontiguousarray(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (decode(encoded(picture, "PNG", exif=exif), SHAPE) == QUARTERS).all()


def test_transparent_pixels_become_white():
    pixels = np.dstack([QUARTERS, np.full((16, 16), 255, np.uint8)])
    pixels[:8, :8, 3] = 0
    found = decode(encoded(Image.fromarray(pixels)), SHAPE)
    assert (found[:8, :8] == 255).all()
    assert (found[8:] == QUARTERS[8:]).all()


def test_half_transparent_black_is_middle_grey():
    pixels = np.zeros((4, 4, 2), np.uint8)
    pixels[..., 1] = 128
    assert (decode(encoded(Image.fromarray(pixels, "LA")), (4, 4, 1)) == 127).all()  # 255 * (1 - 128 / 255)


def test_transparent_colour_of_a_palette_becomes_white():
    picture = Image.fromarray(QUARTERS).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    red = picture.getpixel((0, 0))
    found = decode(encoded(picture, transparency=red), SHAPE)
    assert (found[:8, :8] == 255).all()
    assert (found[8:, :8] == QUARTERS[8:, :8]).all()


def test_palette_and_one_bit():
    palette = Image.fromarray(QUARTERS).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    assert (decode(encoded(palette), SHAPE) == QUARTERS).all()
    stripes = np.zeros((8, 8), bool)
    stripes[::2] = True
    found = decode(encoded(Image.fromarray(stripes)), (8, 8, 1))
    assert (found[..., 0] == stripes * 255).all()


def test_cmyk_jpeg():
    content = encoded(Image.fromarray(QUARTERS).convert("CMYK"), "JPEG", quality=95)
    assert Image.open(io.BytesIO(content)).mode == "CMYK"
    found = decode(content, SHAPE)
    # JPEG at quality 95 moves a flat 8x8 block by a few levels; inverted channels would move it by 255.
    assert np.abs(found.astype(int) - QUARTERS).max() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format):
    values = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    found = decode(encoded(Image.fromarray(values), format), (16, 16, 1))
    assert (found.ravel() == np.arange(256)).all()


def test_float_grey_has_no_range_and_is_refused():
    content = encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")
    with pytest.raises(ImageError, match="mode F have no known range"):
        decode(content, (4, 4, 1))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "MPO"])
def test_every_format_that_is_listed_is_read(format):
    if format not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {format}")
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}.get(format, {})
    content = encoded(Image.fromarray(QUARTERS.repeat(4, 0).repeat(4, 1)), format, **options)
    # Lossy formats move flat areas of 8 x 8 and more by a few levels; swapped channels would move them by 255.
    found = decode(content, SHAPE)[[[4], [12]], [4, 12]]
    assert np.abs(found.astype(int) - QUARTERS[[[4], [12]], [4, 12]]).max() < 12


@pytest.mark.parametrize("channels", [1, 3])
def test_cielab_is_read(channels):
    """L* of 50 % is a grey of 119 (CIE 1976: Y = 0.184, sRGB 0.466); Pillow's profiles may round by one."""
    picture = Image.new("LAB", (28, 28), (128, 128, 128))
    found = decode(encoded(picture, "TIFF"), (28, 28, channels))
    assert np.abs(found.astype(int) - 119).max() <= 2


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode(content, (8, 8, 3)) == (255, 0, 0)).all()


def test_other_sizes_are_squashed_whole():
    tall = np.repeat(np.repeat(QUARTERS, 10, axis=0), 3, axis=1)
    found = decode(tall, SHAPE)
    for row, column in ((4, 4), (4, 12), (12, 4), (12, 12)):
        assert (found[row, column] == QUARTERS[row, column]).all()


def test_shrinking_averages_instead_of_picking():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    found = decode(stripes, (8, 8, 1))
    # The filter spans 16 columns, half of them white; picking single columns would give 0 or 255.
    assert np.abs(found.astype(int) - 127.5).max() < 12


@pytest.mark.parametrize("height, width", [(900, 40), (40, 900), (333, 257)])
def test_rows_are_resized_before_columns_whatever_the_proportions(height, width):
    """Pillow 13 takes the columns of tall pictures first, Pillow 12 never: one pixel in seven differs by a level."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    rows_first = noise.resize((16, height), Image.Resampling.BILINEAR).resize((16, 16), Image.Resampling.BILINEAR)
    assert (decode(noise, SHAPE) == np.asarray(rows_first)).all()


def test_large_pictures_are_the_same_strip_by_strip(monkeypatch):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 333, 4), np.uint8), "RGBA")
    at_once = decode(noise, SHAPE)
    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 5000)
    assert (decode(noise, SHAPE) == at_once).all()


def test_exif_that_cannot_be_read_leaves_the_pixels():
    """An eXIf chunk that is no TIFF (Pillow issue 5528)."""
    content = encoded(Image.fromarray(QUARTERS))
    place = content.index(b"IDAT") - 4
    broken = chunk(b"eXIf", b"\0\x08\0\x02\x01\x12\0\x03" + bytes(20))
    assert (decode(content[:place] + broken + content[place:], SHAPE) == QUARTERS).all()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size, without the pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_001, 10_000), (100_000, 100_000), (1, 2**31 - 1)], ids=str)
def test_pictures_of_more_than_100_megapixels_are_refused_unread(size, recwarn):
    with pytest.raises(ImageError, match="pixels"):
        decode(bomb(*size), SHAPE)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"this is a text, not a picture", "not a picture"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:-500], "truncated"),
        (encoded(Image.effect_noise((64, 64), 50), "PNG")[:2000], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, "not a picture|cannot be decoded"),
    ],
    ids=["empty", "text", "truncated JPEG", "truncated PNG", "damaged PNG"],
)
def test_damaged_pictures_are_named(tmp_path, content, message):
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"digit\.png: .*({message})"):
        decode(path, SHAPE)


def test_absent_files_and_folders(tmp_path):
    with pytest.raises(ImageError, match=r"none\.png: No such file"):
        decode(tmp_path / "none.png", SHAPE)
    with pytest.raises(ImageError, match="Is a directory"):
        decode(tmp_path, SHAPE)


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)],
    ids=["float", "four channels", "one axis", "no pixels"],
)
def test_arrays_that_are_no_picture_are_refused(array):
    with pytest.raises(ImageError, match="expected"):
        decode(array, (4, 4, 1))


PEAK = """
import sys
from cnnedge.images.decode import decode
from cnnedge.errors import ImageError
try:
    decode(sys.argv[1], (32, 32, 3))
except ImageError as error:
    print(error)
print([int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_the_largest_picture_takes_less_than_a_gigabyte(tmp_path):
    """99 megapixels of one colour with transparency, 0.4 MB as PNG: 2 GB and more if every step made a copy."""
    row = b"\0" + bytes(11_000 * 4)
    packer = zlib.compressobj()
    data = b"".join(packer.compress(row) for _ in range(9_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 11_000, 9_000, 8, 6, 0, 0, 0)
    path = tmp_path / "large.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_000_000, done.stdout


def test_formats_that_take_more_memory_have_lower_limits(monkeypatch):
    monkeypatch.setitem(pixels.MAX_PIXELS_OF, "WEBP", 255)
    assert decode(encoded(Image.fromarray(QUARTERS)), SHAPE).shape == SHAPE
    with pytest.raises(ImageError, match="16 x 16 pixels of WEBP, expected at most 255: scale it down first"):
        decode(encoded(Image.fromarray(QUARTERS), "WEBP"), SHAPE)


def test_postscript_does_not_start_ghostscript(tmp_path, monkeypatch):
    """Pillow reads EPS by starting the program ``gs``, with the document as its program."""
    ghostscript, started = tmp_path / "gs", tmp_path / "started"
    ghostscript.write_text(f"#!/bin/sh\ntouch {started}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    document = tmp_path / "digit.png"
    document.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(ImageError, match=r"digit\.png: is a PostScript document, expected PNG"):
        decode(document, SHAPE)
    assert not started.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "is HEIC.*pip install pillow-heif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mif1heic", "is a video"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\n <!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer to a file that Git LFS has not fetched"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(content, message, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    with pytest.raises(ImageError, match=message):
        decode(content, SHAPE)


@pytest.mark.parametrize(("brand", "name"), [("AVIF", "AVIF"), ("HEIF", "HEIC")])
def test_a_damaged_file_of_a_format_that_is_read_here_asks_for_nothing_to_install(brand, name, monkeypatch):
    monkeypatch.setattr(Image, "OPEN", {**Image.OPEN, brand: (lambda *_: 1 / 0, lambda start: False)})
    with pytest.raises(ImageError) as refused:
        decode(b"\0\0\0\x18ftyp" + name.lower().encode() + bytes(200), SHAPE)
    assert f"is {name}, but damaged: copy it again" in str(refused.value) and "install" not in str(refused.value)


def test_a_pillow_that_reads_no_avif_says_what_to_install(monkeypatch):
    monkeypatch.setattr(Image, "OPEN", {name: read for name, read in Image.OPEN.items() if name != "AVIF"})
    with pytest.raises(ImageError, match="is AVIF, which this Pillow does not read: pip install --upgrade 'pillow>="):
        decode(b"\0\0\0\x18ftypavif" + bytes(200), SHAPE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        with pytest.raises(ImageError, match=rf"{name}: is a pipe or a device, expected a regular file"):
            decode(tmp_path / name, SHAPE)


def test_files_and_streams_are_read_up_to_a_limit(tmp_path, monkeypatch):
    content = encoded(Image.fromarray(QUARTERS))
    (tmp_path / "a.png").write_bytes(content)
    monkeypatch.setattr("cnnedge.images.decode.MAX_BYTES", len(content) - 1)
    with pytest.raises(ImageError, match=rf"a\.png: has {len(content)} bytes, expected at most {len(content) - 1}"):
        decode(tmp_path / "a.png", SHAPE)
    with pytest.raises(ImageError, match=f"the image: gives more than {len(content) - 1} bytes"):
        decode(io.BytesIO(content), SHAPE)
