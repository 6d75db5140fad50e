"""TrivialAugment (Mueller and Hutter, arXiv 2103.10158, "wide" space): one random operation of Pillow on each image, at
a random strength. It has nothing to tune.

An operation takes the image, its strength 0..1, the sign of what has one, and the colour that comes in from outside.
The ranges are those of the paper's table 7: 135 degrees, 32 pixels, a shear and an enhancement by 0.99, 2 of 8 bits.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

LEVELS = 31
_DEGREES, _PIXELS, _FACTOR, _BITS = 135.0, 32.0, 0.99, 6.0
Operation = Callable[[Image.Image, float, int, int], Image.Image]


def trivial(images: np.ndarray, fill: int, rng: np.random.Generator) -> np.ndarray:
    """Change each of uint8 ``(N, H, W, C)``, C 1 or 3, by one operation; a new array.

    Args:
        images: pixels. fill: value of every channel of what comes in from outside. rng: source of all choices.
    """
    count = len(images)
    chosen = rng.integers(len(OPERATIONS), size=count)
    strength = rng.integers(LEVELS, size=count) / (LEVELS - 1)
    sign = 2 * rng.integers(2, size=count) - 1
    grey = images.shape[-1] == 1
    changed = np.empty_like(images)
    for index in range(count):
        image = Image.fromarray(images[index, ..., 0] if grey else images[index])
        operation = OPERATIONS[chosen[index]]
        made = np.asarray(operation(image, float(strength[index]), int(sign[index]), fill))
        changed[index] = made[..., None] if grey else made
    return changed


def _affine(image: Image.Image, matrix: tuple[float, ...], fill: int) -> Image.Image:
    colour = fill if image.mode == "L" else (fill,) * 3
    return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=colour)


def _shear_x(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    slope = sign * strength * _FACTOR
    return _affine(image, (1, slope, -slope * image.height / 2, 0, 1, 0), fill)


def _shear_y(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    slope = sign * strength * _FACTOR
    return _affine(image, (1, 0, 0, slope, 1, -slope * image.width / 2), fill)


def _move_x(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    return _affine(image, (1, 0, sign * strength * _PIXELS, 0, 1, 0), fill)


def _move_y(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    return _affine(image, (1, 0, 0, 0, 1, sign * strength * _PIXELS), fill)


def _rotate(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    return image.rotate(sign * strength * _DEGREES, fillcolor=fill if image.mode == "L" else (fill,) * 3)


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    return lambda image, strength, sign, fill: kind(image).enhance(1 + sign * strength * _FACTOR)


def _posterize(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    return ImageOps.posterize(image, 8 - round(strength * _BITS))


def _solarize(image: Image.Image, strength: float, sign: int, fill: int) -> Image.Image:
    return ImageOps.solarize(image, round(255 * (1 - strength)))


OPERATIONS: tuple[Operation, ...] = (
    lambda image, strength, sign, fill: image,
    _shear_x,
    _shear_y,
    _move_x,
    _move_y,
    _rotate,
    _enhance(ImageEnhance.Brightness),
    _enhance(ImageEnhance.Color),
    _enhance(ImageEnhance.Contrast),
    _enhance(ImageEnhance.Sharpness),
    _posterize,
    _solarize,
    lambda image, strength, sign, fill: ImageOps.autocontrast(image),
    lambda image, strength, sign, fill: ImageOps.equalize(image),
)
