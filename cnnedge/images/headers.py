"""How large pictures are, from their headers alone: nothing is decoded."""

import numpy as np

from cnnedge.errors import ImageError
from cnnedge.images.decode import opened

# Headers read of many pictures, evenly spaced: a median of so many is within a few percent of all.
SAMPLE = 200


def size_of(source: str | bytes | np.ndarray) -> tuple[int, int] | None:
    """(width, height) of a path's or an encoded picture's, or of pixels (H, W, ..); None where it is no
    picture: who decodes it says why."""
    if isinstance(source, np.ndarray):
        return source.shape[1], source.shape[0]
    try:
        with opened(source) as picture:
            return picture.size
    except ImageError:
        return None
