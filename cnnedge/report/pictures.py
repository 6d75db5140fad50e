"""Pictures inside a page."""

import base64
import io

import numpy as np

# A phone shows four beside each other.
GALLERY_WIDTH = 96


def png_address(image: np.ndarray) -> str:
    """A data address with the picture, uint8 (H, W, C), enlarged by whole pixels."""
    from PIL import Image

    picture = Image.fromarray(image.squeeze())
    factor = max(1, GALLERY_WIDTH // picture.width)
    stream = io.BytesIO()
    picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
