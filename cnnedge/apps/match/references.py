"""The pictures that a dumped input may hold: those of the golden folder, and the large ones brought to size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.golden.content import GoldenImage, as_picture
from cnnedge.apps.match.mistakes import GREY_FOR_RGB, Mistake, another_image, resized
from cnnedge.images.decode import decode

if TYPE_CHECKING:
    from PIL import Image

# ITU-R BT.601, as in Pillow's conversion to grey.
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, eq=False)
class Reference:
    """``pixels`` (H, W, C) 0..255 that an app may feed for golden picture ``image``.

    ``resized`` says that they are the large picture brought to size; ``mistakes`` how that was wrong, if it was.
    """

    image: int
    pixels: np.ndarray
    mistakes: tuple[Mistake, ...] = ()
    resized: bool = False

    def mistakes_for(self, wanted: int | None) -> tuple[Mistake, ...]:
        """Its mistakes if the app was given picture ``wanted`` (None: any)."""
        if wanted is None or wanted == self.image:
            return self.mistakes
        return (*self.mistakes, another_image(self.image, wanted))

    def in_grey(self) -> "Reference":
        """An RGB picture as one grey value per pixel."""
        grey = np.round(self.pixels @ np.array(LUMA))[..., np.newaxis]
        return Reference(self.image, grey, (*self.mistakes, GREY_FOR_RGB), self.resized)


def references(images: Sequence[GoldenImage], shape: tuple[int, int, int]) -> list[Reference]:
    """Every picture as it is, and its large copy brought to ``shape`` (H, W, C) rightly and wrongly."""
    found = []
    for number, image in enumerate(images):
        found.append(Reference(number, image.pixels))
        found += [Reference(number, pixels, mistakes, resized=True) for pixels, mistakes in shrunk(image.large, shape)]
    return found


def shrunk(large: np.ndarray, shape: tuple[int, int, int]) -> list[tuple[np.ndarray, tuple[Mistake, ...]]]:
    """``large`` (H, W, C) at ``shape``, in the ways in which libraries do it.

    Antialiased filters are all right: they differ from ours by less than the network notices, and every platform
    has another one. On pictures of MNIST and CIFAR-10 they are 2 to 6 levels (RMS) from ours, those that skip
    pixels 5 to 12.
    """
    from PIL import Image

    picture, size, filters = as_picture(large), (shape[1], shape[0]), Image.Resampling
    steps = picture.width / size[0], picture.height / size[1]
    right = [
        decode(large, shape),
        *(picture.resize(size, antialiased) for antialiased in (filters.BOX, filters.BICUBIC, filters.LANCZOS)),
        _skipping(_halved(picture, size), size),
    ]
    wrong = {
        "nearest neighbour: most pixels are skipped": picture.resize(size, filters.NEAREST),
        "nearest neighbour, from the corners of the pixels": picture.transform(
            size, Image.Transform.AFFINE, (steps[0], 0, -steps[0] / 2 + 0.5, 0, steps[1], -steps[1] / 2 + 0.5)
        ),
        "bilinear without antialiasing: most pixels are skipped": _skipping(picture, size),
        "only the middle of the picture, cut to the file's aspect ratio": _middle(picture, size),
        "the whole picture with a border": _with_border(picture, size),
    }
    found: list[tuple[np.ndarray, tuple[Mistake, ...]]] = [(np.asarray(shown).reshape(shape), ()) for shown in right]
    return found + [(np.asarray(shown).reshape(shape), (resized(how),)) for how, shown in wrong.items()]


def _skipping(picture: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    """Bilinear between the four nearest pixels, as Android, OpenCV and most GPUs do it, however far they shrink."""
    from PIL import Image

    steps = picture.width / size[0], picture.height / size[1]
    return picture.transform(size, Image.Transform.AFFINE, (steps[0], 0, 0, 0, steps[1], 0), Image.Resampling.BILINEAR)


def _halved(picture: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    """Halved as often as it goes, as on platforms whose bilinear filter looks at four pixels only."""
    while picture.width >= 2 * size[0] and picture.height >= 2 * size[1]:
        picture = _skipping(picture, (picture.width // 2, picture.height // 2))
    return picture


def _middle(picture: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)


def _with_border(picture: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    from PIL import Image, ImageOps

    return ImageOps.pad(picture, size, Image.Resampling.BILINEAR)
