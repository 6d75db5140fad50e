"""What is done to a picture that Pillow has opened, until it is what a model takes.

    EXIF orientation      applied: the picture is turned the way a person sees it; EXIF that cannot be read is
                          passed over, as every viewer does
    alpha                 laid on white, the page that transparent drawings are made for; on black, dark
                          strokes would vanish. Grey models too: a transparent digit becomes dark on white
    palette, 1 bit, CMYK  converted to RGB, or to grey (ITU-R 601 luma); colours are never inverted
    CIELAB                converted to RGB with Pillow's colour profiles, and from there to grey
    16-bit grey           divided by 257, so that 65535 becomes 255
    animation             its first frame
    another size          squashed to height x width with Pillow's antialiased bilinear filter: no crop, so
                          that nothing is lost, and no border, which training images do not have

The filter runs along the rows first and then along the columns, each pass rounded to 8 bits. Pillow 13 alone would
choose the order by the picture's proportions, and tall pictures would differ by a level from what Pillow 12 gives.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transpose

from cnnedge.errors import ImageError

# Pillow keeps four bytes a pixel, hence 400 MB; a file of a few kB can claim as much, and no classifier needs more.
MAX_PIXELS = 100_000_000
# Formats whose decoders keep whole pictures of their own besides: bytes a pixel measured as the peak of resident
# memory over pictures of 24 megapixels. Their limits keep them below 1 GB too.
MAX_PIXELS_OF = {"WEBP": 50_000_000, "AVIF": 50_000_000, "HEIF": 50_000_000, "JPEG2000": 30_000_000}
# Rows converted at once: what colour conversion takes besides stays below 100 MB.
_STRIP_PIXELS = 4_000_000
# 65535 / 255: the distance, in 16 bits, between neighbouring 8-bit values.
STEP_16_BIT = 257
_ORIENTATION = 0x0112
# Python's list of warning filters is one for all threads.
_FILTERS = threading.Lock()
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
}  # fmt: skip
# Threads that decode side by side take turns at pictures above this size: at most one of them takes up to 1 GB, and
# the others about 100 MB each. Phones take 12 megapixels.
_LARGE_PIXELS = 16_000_000
_large = threading.Lock()


def to_pixels(picture: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """``picture`` as uint8 ``(height, width, channels)`` = ``shape``, pixels 0..255.

    Raises:
        ImageError: it is too large, or its pixels have no known range.
    """
    check_size(*picture.size, picture.format or "")
    height, width, channels = shape
    with _large if picture.width * picture.height > _LARGE_PIXELS else nullcontext():
        narrow = _resized_rows(_upright(picture), width, "L" if channels == 1 else "RGB")
    return np.asarray(_resized(narrow, (width, height))).reshape(shape)


def check_size(width: int, height: int, format: str = "") -> None:
    """Refuse what would take too much memory.

    Raises:
        ImageError: more pixels than are read of this format.
    """
    most = MAX_PIXELS_OF.get(format, MAX_PIXELS)
    if width * height > most:
        of_format = f" of {format}" if format in MAX_PIXELS_OF else ""
        raise ImageError(f"{width} x {height} pixels{of_format}, expected at most {most:,}: scale it down first")


@contextmanager
def without_warnings(kind: type[Warning]) -> Iterator[None]:
    """Leave out what Pillow warns of in words that name no picture."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", kind)
        yield


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says."""
    picture.load()
    if not picture.info and picture.format == "PNG":  # no chunk but the pixels: reading no EXIF took a tenth of these
        return picture
    try:
        with without_warnings(UserWarning):
            orientation = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # whatever damaged EXIF makes Pillow stumble over
        return picture
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _resized_rows(picture: Image.Image, width: int, mode: str) -> Image.Image:
    """The picture in ``mode`` (RGB or L), each of its rows brought to ``width`` pixels, a strip of rows at a time."""
    rows = max(1, _STRIP_PIXELS // picture.width)
    if rows >= picture.height:
        return _resized(_plain(picture, mode), (width, picture.height))
    narrow = Image.new(mode, (width, picture.height))
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        narrow.paste(_resized(_plain(strip, mode), (width, strip.height)), (0, top))
    return narrow


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Resampling.BILINEAR)


def _plain(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in 8 bits, without transparency, as RGB or L."""
    if picture.mode == "LAB":  # which Pillow brings to RGB alone
        picture = picture.convert("RGB")
    plain = _on_white(_to_8_bit(picture))
    return plain if plain.mode == mode else plain.convert(mode)


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Bring grey of more than 8 bits down to 8; Pillow's own conversion would clip it at 255."""
    if not picture.mode.startswith("I") and picture.mode != "F":
        return picture
    values: np.ndarray[Any, Any] = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 0xFFFF:
        raise ImageError(f"grey values of mode {picture.mode} have no known range, expected 8 or 16 bits")
    rounded = (values.astype(np.int64) + STEP_16_BIT // 2) // STEP_16_BIT
    return Image.fromarray(rounded.astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    drawing = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing)
