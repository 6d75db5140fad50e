"""Small pictures of every class in a terminal: two pixels a character, one above the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.data import Split

if TYPE_CHECKING:
    from rich.text import Text

# Pixels of a picture's side, which are characters, and the columns between two pictures.
SIDE, GAP = 14, 1
# More classes fill no screen that a person looks at: ``--report`` shows them all.
MOST_CLASSES = 12


def mosaic(parts: Mapping[str, Split], labels: Sequence[str], columns: int) -> "Iterator[tuple[str, list[Text]]]":
    """Of every class its name and the lines of its pictures, evenly spaced over the first part that has some;
    ``columns`` are the terminal's."""
    count = max(1, (columns + GAP) // (SIDE + GAP))
    for index, label in enumerate(labels[:MOST_CLASSES]):
        part = next(part for part in parts.values() if (part.labels == index).any())
        places = np.flatnonzero(part.labels == index)
        chosen = places[np.unique(np.linspace(0, len(places) - 1, count).round().astype(int))]
        yield label, _lines([_small(picture) for picture in part.pixels(chosen)])


def _small(picture: np.ndarray) -> np.ndarray:
    """uint8 (SIDE, SIDE, 3)."""
    from PIL import Image

    reduced = Image.fromarray(picture.squeeze()).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(reduced)


def _lines(pictures: list[np.ndarray]) -> "list[Text]":
    from rich.style import Style
    from rich.text import Text

    lines = []
    for row in range(0, SIDE, 2):
        line = Text()
        for picture in pictures:
            for upper, lower in zip(picture[row], picture[row + 1], strict=True):
                line.append("\N{UPPER HALF BLOCK}", Style(color=_colour(upper), bgcolor=_colour(lower)))
            line.append(" " * GAP)
        lines.append(line)
    return lines


def _colour(pixel: np.ndarray) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)
