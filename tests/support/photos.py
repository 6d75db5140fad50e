"""Folders of generated photos: JPEGs of classes that differ in what they show."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("rose", "sunflower", "tulip")
_COLOURS = {"rose": (190, 40, 60), "sunflower": (230, 190, 40), "tulip": (150, 70, 190)}


def write_photos(folder: Path, per_class: int, *, side: int = 80, classes: tuple[str, ...] = CLASSES) -> Path:
    """``<folder>/<class>/<number>.jpg``: a blob of the class's colour on noise, at a random place."""
    random = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            photo(random, _COLOURS[name], side).save(folder / name / f"IMG_{number:04}.jpg", quality=85)
    return folder


def photo(random: np.random.Generator, colour: tuple[int, int, int], side: int) -> Image.Image:
    coarse = random.integers(40, 200, (8, 10, 3), np.uint8)
    found = Image.fromarray(coarse).resize((side * 4 // 3, side), Image.Resampling.BICUBIC)
    left, top, size = (int(value) for value in random.integers((0, 0, side // 3), (side // 2, side // 2, side // 2)))
    shade = tuple(int(value) for value in np.clip(np.array(colour) + random.integers(-25, 26, 3), 0, 255))
    ImageDraw.Draw(found).ellipse((left, top, left + size, top + size), fill=shade)
    return found
