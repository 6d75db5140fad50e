"""What several commands let a person choose: the data, and a recipe with changes."""

import dataclasses
from typing import TYPE_CHECKING

from cnnedge.progress import Progress

if TYPE_CHECKING:
    from cnnedge.data import Dataset
    from cnnedge.training.recipes import Recipe


def load_data(
    source: str, *, image_shape: tuple[int, int, int] | None, calibration: int, progress: Progress
) -> "Dataset":
    """Load with the seed that every command uses, so that all of them find the same held-out images.

    The datasets warn in the log, which goes to standard error, when they fall back to the bundled sample.
    """
    from cnnedge import data as datasets

    return datasets.load(source, image_shape=image_shape, calibration=calibration, progress=progress)


def chosen_recipe(model: str, preset: str, epochs: int | None, batch_size: int | None) -> "Recipe":
    """The preset's recipe with what the person asked for instead."""
    from cnnedge.training.recipes import recipe

    chosen = recipe(model, preset)
    if epochs is not None:
        chosen = dataclasses.replace(chosen, epochs=epochs)
    if batch_size is not None:
        chosen = dataclasses.replace(chosen, batch_size=batch_size)
    return chosen
