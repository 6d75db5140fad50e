"""One image file as the pixels that a network is trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

# What shows through transparent pixels: paper.
BACKGROUND = (255, 255, 255, 255)


def decode_image(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Decode ``path`` into uint8 pixels 0..255 of ``shape``: (height, width, 1 for grey or 3 for RGB).

    The image is turned as its EXIF orientation says, laid on white where it is transparent, and resized to
    fill the whole shape (bilinear over all source pixels; the aspect ratio is not kept). Palette, CMYK and
    16-bit grey images are converted; of several frames the first is taken.

    Raises:
        ImageError: it is no image, is damaged or cut off, or has pixels of neither 8 nor 16 bits.
    """
    from PIL import Image, ImageOps

    height, width, channels = shape
    try:
        with Image.open(path) as opened:
            opened.load()
            image = ImageOps.exif_transpose(opened)
    # Pillow's format plug-ins raise nearly anything for damaged content, SyntaxError included.
    except Exception as error:
        raise ImageError(f"{path} cannot be decoded as an image ({error}): replace or remove it") from error
    image = _on_white(_in_8_bits(image, path)).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(shape)


def _in_8_bits(image: "Image.Image", path: Path) -> "Image.Image":
    """Scale 16-bit grey to 8 bits; Pillow's own conversion would clip at 255."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path} has pixels of type {image.mode}, expected 8 or 16 bits: convert it to PNG or JPEG")
    # 257 maps 65535 to 255.
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image.convert("RGBA"))
