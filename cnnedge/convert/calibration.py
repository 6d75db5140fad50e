"""The images that set activation ranges in post-training quantization and at the start of QAT."""

from collections.abc import Iterator

import numpy as np

from cnnedge.errors import DataError


def calibration_images(images: np.ndarray) -> np.ndarray:
    """Images ready for calibration: uint8 (N, H, W, C), spanning exactly 0 to 255.

    They become floats where they are used, one or a few at a time: 500 of 224 x 224 in colour are 75 MB, and 300 as
    float32. Both ends of the pixel range must occur, so that the converter gives the input scale 1 and an 8-bit input
    holds raw pixels unchanged. Where a small set of images lacks one, a single pixel of the first image is set to it:
    one in N * H * W, far below what moves any other range.

    Args:
        images: uint8 (N, H, W, C), from the training split.

    Raises:
        DataError: no image, or not uint8 images.
    """
    if images.ndim != 4 or len(images) == 0 or images.dtype != np.uint8:
        raise DataError(
            f"calibration needs uint8 images of shape (N, H, W, C) with N of at least 1, "
            f"got {images.dtype} {images.shape}"
        )
    return spanning(images)


def calibration_pixels(images: np.ndarray) -> np.ndarray:
    """``calibration_images`` as float32."""
    return calibration_images(images).astype("float32")


def spanning(pixels: np.ndarray) -> np.ndarray:
    """The same (N, H, W, C) pixels with both ends of the range in them; see ``calibration_images``. A copy, where one
    has to be written into them."""
    smallest, largest = pixels.min(), pixels.max()
    if smallest == 0 and largest == 255:
        return pixels
    pixels = pixels.copy()
    ends = pixels[0].reshape(-1)
    if smallest > 0:
        ends[0] = 0
    if largest < 255:
        ends[-1] = 255
    return pixels


def one_by_one(pixels: np.ndarray) -> Iterator[list[np.ndarray]]:
    """What the TFLite converter calls a representative dataset: lists of one (1, H, W, C) float32 batch."""
    for index in range(len(pixels)):
        yield [pixels[index : index + 1].astype("float32")]
