"""Pictures of images: a grid with captions and heat maps, and a confusion matrix. They are saved by the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# How strongly a heat map covers its image: both must be recognized.
HEAT_OPACITY = 0.5
# The side of a cell: room for a caption of some 25 letters, or for none.
CAPTIONED_INCHES, BARE_INCHES = 1.8, 0.9


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of a grid: an image, a caption over it, a heat map on it.

    ``image`` is uint8 ``(H, W, 3)``, or one channel ``(H, W)`` or ``(H, W, 1)``: of uint8, 0 is black and 255 white; of
    float, the smallest value is black and the largest white. ``heat`` is float ``(H, W)``, 0 (blue) .. 1 (red); the
    image below it is shown in grey, so that every colour is the heat's.
    """

    image: np.ndarray
    caption: str = ""
    heat: np.ndarray | None = None


def draw_grid(rows: Sequence[Sequence[Cell]], title: str, row_names: Sequence[str] = ()) -> "Figure":
    """Lay cells out in rows, which may differ in length; ``row_names`` stand left of them."""
    from matplotlib.figure import Figure

    columns = max(len(row) for row in rows)
    captioned = any(cell.caption for row in rows for cell in row)
    side = CAPTIONED_INCHES if captioned else BARE_INCHES
    height = len(rows) * (side + 0.25 * captioned) + 0.5
    figure = Figure(figsize=(columns * side + bool(row_names), height), layout="constrained")
    figure.suptitle(title)
    places = figure.subplots(len(rows), columns, squeeze=False)
    for row, axes in zip(rows, places, strict=True):
        for place in axes[len(row) :]:
            place.axis("off")
        for cell, place in zip(row, axes, strict=False):
            _draw_cell(cell, place)
    for name, place in zip(row_names, places[:, 0], strict=False):
        place.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def draw_confusion(counts: np.ndarray, labels: Sequence[str]) -> "Figure":
    """The matrix ``counts`` ``(classes, classes)``: a row for each true class, a column for each answer."""
    from matplotlib.figure import Figure

    side = 1.5 + 0.55 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot(title="What is taken for what, and how often", ylabel="it is", xlabel="the answer")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=9)
    return figure


def _draw_cell(cell: Cell, place: "Axes") -> None:
    place.set(xticks=[], yticks=[])
    place.set_title(cell.caption, fontsize=9)
    darkest, lightest = (0, 255) if cell.image.dtype == np.uint8 else (None, None)
    grey = cell.heat is not None and cell.image.ndim == 3
    place.imshow(cell.image.mean(axis=2) if grey else cell.image, cmap="gray", vmin=darkest, vmax=lightest)
    if cell.heat is not None:
        place.imshow(cell.heat, cmap="turbo", vmin=0, vmax=1, alpha=HEAT_OPACITY)
