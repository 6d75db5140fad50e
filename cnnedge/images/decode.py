"""From any picture to the pixels that a model takes: uint8 (height, width, channels), 0..255, RGB or grey.

The only decoder: what a network is trained on and what it is fed later cannot differ. ``pixels`` says what is done to
a picture once Pillow has read it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from cnnedge.errors import ImageError
from cnnedge.files import open_regular, read_bounded
from cnnedge.images import kinds

if TYPE_CHECKING:
    from PIL import Image

    Source = Path | str | bytes | BinaryIO | Image.Image | np.ndarray

# An uncompressed picture of the most pixels, four bytes each; whoever claims more is read no further.
MAX_BYTES = 400_000_000
# Enough to tell what a file is that is no picture.
_START = 64


def decode(source: "Source", shape: tuple[int, int, int]) -> np.ndarray:
    """Decode one picture into uint8 ``(height, width, channels)`` = ``shape``, pixels 0..255.

    An array that already has this shape is returned as it is, without a copy.

    Args:
        source: a path of a regular file, an encoded picture as bytes or as a binary stream, a Pillow image, or a
            uint8 array ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)`` of any size.
        shape: ``(height, width, channels)``; channels is 1 (grey) or 3 (RGB).

    Raises:
        ImageError: the picture cannot be decoded or is too large, or an array has another dtype or shape.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, shape)
    # Pillow is loaded for the first picture.
    from PIL import Image

    from cnnedge.images.pixels import to_pixels

    if isinstance(source, Image.Image):
        with _naming("the image"):
            return to_pixels(source, shape)
    with opened(source) as picture:
        return to_pixels(picture, shape)


@contextmanager
def opened(source: "Path | str | bytes | BinaryIO") -> "Iterator[Image.Image]":
    """The picture of which Pillow has read the header alone, in one of the formats that ``kinds`` lists.

    Raises:
        ImageError: it is none, or no regular file; or it cannot be decoded, within the block.
    """
    name = str(source) if isinstance(source, str | Path) else getattr(source, "name", None) or "the image"
    with _naming(name), _stream(source, name) as stream, _open(stream) as picture:
        yield picture


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    except OSError as error:
        raise ImageError(f"{name}: {error.strerror or error}") from error
    except Exception as error:  # on damaged files, decoders raise whatever they stumble over
        raise ImageError(f"{name}: cannot be decoded ({type(error).__name__}: {error})") from error


def _stream(source: "Path | str | bytes | BinaryIO", name: str) -> BinaryIO:
    """The encoded picture as a stream that may be closed."""
    if isinstance(source, str | Path):
        return open_regular(source, MAX_BYTES)
    return io.BytesIO(source if isinstance(source, bytes) else read_bounded(source, MAX_BYTES, name))


def _open(stream: BinaryIO) -> "Image.Image":
    from PIL import Image

    from cnnedge.images.pixels import without_warnings

    start = stream.read(_START)
    for formats in _formats(start):
        stream.seek(0)
        try:
            # Pillow warns from 89 megapixels on, and of damaged EXIF; our own limit is checked before decoding.
            with without_warnings(Warning):
                return Image.open(stream, formats=formats)
        except Image.UnidentifiedImageError:
            continue
        except Image.DecompressionBombError as error:
            raise ImageError(f"{error}: scale it down first") from None
    raise ImageError(kinds.why_unreadable(start, Image.OPEN))


def _formats(start: bytes) -> Iterator[tuple[str, ...]]:
    """The formats to try, and only when none of them is it, those for which Pillow loads all its plugins."""
    yield kinds.COMMON_FORMATS
    yield tuple(_further_formats(start))


def _further_formats(start: bytes) -> list[str]:
    """The formats to try next, HEIF among them where the package that reads it is installed."""
    from PIL import Image

    Image.init()
    if kinds.is_heif(start):
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            pass
        else:
            register_heif_opener()
    return [name for name in (*kinds.FURTHER_FORMATS, "HEIF") if name in Image.OPEN]


def _from_array(array: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    if array.dtype == np.uint8 and array.shape == shape:
        return array
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,)):
        raise ImageError(f"the image is {array.dtype} {array.shape}, expected uint8 (H, W), (H, W, 1) or (H, W, 3)")
    if not array.size:
        raise ImageError(f"the image is an array of shape {array.shape}, expected at least one pixel")
    from PIL import Image

    from cnnedge.images.pixels import check_size, to_pixels

    check_size(array.shape[1], array.shape[0])
    return to_pixels(Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array), shape)
