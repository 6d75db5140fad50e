"""From any picture to the pixels that a model takes: uint8 (height, width, channels), 0..255, RGB or grey.

What a picture can be, and what is done with it:

    EXIF orientation      applied: the picture is turned the way a person sees it
    alpha                 laid on white, the page that transparent drawings are made for; on black, dark
                          strokes would vanish. Grey models too: a transparent digit becomes dark on white
    palette, 1 bit, CMYK  converted to RGB, or to grey (ITU-R 601 luma); colours are never inverted
    16-bit grey           divided by 257, so that 65535 becomes 255
    animation             its first frame
    another size          squashed to height x width with Pillow's antialiased bilinear filter: no crop, so
                          that nothing is lost, and no border, which training images do not have
"""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cnnedge.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

    Source = Path | str | bytes | BinaryIO | Image.Image | np.ndarray

# 100 megapixels decode to 300 MB; a file of a few kB can claim as much, and no classifier needs it.
MAX_PIXELS = 100_000_000
# 65535 / 255: the distance, in 16 bits, between neighbouring 8-bit values.
STEP_16_BIT = 257


def decode(source: "Source", shape: tuple[int, int, int]) -> np.ndarray:
    """Decode one picture into uint8 ``(height, width, channels)`` = ``shape``, pixels 0..255.

    An array that already has this shape is returned as it is, without a copy.

    Args:
        source: a path, an encoded picture as bytes or as a binary stream, a Pillow image, or a uint8 array
            ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)`` of any size.
        shape: ``(height, width, channels)``; channels is 1 (grey) or 3 (RGB).

    Raises:
        ImageError: the picture cannot be decoded or is too large, or an array has another dtype or shape.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, shape)
    name = str(source) if isinstance(source, str | Path) else getattr(source, "name", None) or "the image"
    from PIL import Image

    try:
        if isinstance(source, Image.Image):
            return _pixels(source, shape)
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on; our own limit is checked next, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
                return _pixels(picture, shape)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{name}: not a picture, or a damaged one; expected PNG, JPEG or the like") from error
    except OSError as error:
        raise ImageError(f"{name}: {error.strerror or error}") from error
    except Exception as error:  # on damaged files, decoders raise whatever they stumble over
        raise ImageError(f"{name}: cannot be decoded ({type(error).__name__}: {error})") from error


def _from_array(array: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    if array.dtype == np.uint8 and array.shape == shape:
        return array
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,)):
        raise ImageError(f"the image is {array.dtype} {array.shape}, expected uint8 (H, W), (H, W, 1) or (H, W, 3)")
    if not array.size:
        raise ImageError(f"the image is an array of shape {array.shape}, expected at least one pixel")
    from PIL import Image

    return _pixels(Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array), shape)


def _pixels(picture: "Image.Image", shape: tuple[int, int, int]) -> np.ndarray:
    from PIL import Image, ImageOps

    if picture.width * picture.height > MAX_PIXELS:
        raise ImageError(
            f"{picture.width} x {picture.height} pixels, expected at most {MAX_PIXELS:,}: scale it down first"
        )
    height, width, channels = shape
    upright = _on_white(_to_8_bit(ImageOps.exif_transpose(picture)))
    plain = upright.convert("L" if channels == 1 else "RGB")
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(plain).reshape(shape)


def _to_8_bit(picture: "Image.Image") -> "Image.Image":
    """Bring grey of more than 8 bits down to 8; Pillow's own conversion would clip it at 255."""
    from PIL import Image

    if not picture.mode.startswith("I") and picture.mode != "F":
        return picture
    values: np.ndarray[Any, Any] = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 0xFFFF:
        raise ImageError(f"grey values of mode {picture.mode} have no known range, expected 8 or 16 bits")
    rounded = (values.astype(np.int64) + STEP_16_BIT // 2) // STEP_16_BIT
    return Image.fromarray(rounded.astype(np.uint8))


def _on_white(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if not picture.has_transparency_data:
        return picture
    drawing = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing)
