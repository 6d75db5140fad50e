"""What a file answers when it is fed with a mistake: every picture with every single mistake, run through the file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.golden.content import GoldenImage
from cnnedge.apps.match.arrange import arrangements, takes_channels_first
from cnnedge.apps.match.mistakes import Mistake, wrong_dtype
from cnnedge.apps.match.references import Reference
from cnnedge.apps.match.values import cast, known_maps, natural

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner


@dataclass(frozen=True, eq=False)
class Simulation:
    """The probabilities (classes,) that the file gives for golden picture ``image`` fed with ``mistakes``."""

    image: int
    mistakes: tuple[Mistake, ...]
    scores: np.ndarray


def simulations(
    images: Sequence[GoldenImage], pictures: Sequence[Reference], runner: "Runner", wanted: int | None
) -> Iterator[Simulation]:
    """Run the file with every mistake that an app may make at its input, on every picture.

    Args:
        pictures: ``references`` of ``images``: the pictures resized rightly and wrongly.
        wanted: the number of the picture that the app was given; None: try all.
    """
    for picture in pictures:
        if wanted in (None, picture.image):
            fed = runner.prepare(picture.pixels[np.newaxis])
            yield Simulation(picture.image, picture.mistakes, runner.probabilities(runner.run(fed))[0])
    for number, image in enumerate(images):
        if wanted in (None, number):
            for mistake, fed in _wrong_inputs(image.pixels, runner):
                raw = runner.run(fed.reshape(1, *runner.input.shape[1:]))
                yield Simulation(number, (mistake,), runner.probabilities(raw)[0])


def _wrong_inputs(pixels: np.ndarray, runner: "Runner") -> Iterator[tuple[Mistake, np.ndarray]]:
    """Every wrong input (values,) for uint8 ``pixels`` (H, W, C), each once."""
    seen: set[bytes] = set()
    for mistake, fed in (*_misarranged(pixels, runner), *_misvalued(pixels, runner)):
        if fed.tobytes() not in seen:
            seen.add(fed.tobytes())
            yield mistake, fed


def _misarranged(pixels: np.ndarray, runner: "Runner") -> Iterator[tuple[Mistake, np.ndarray]]:
    first, shape = takes_channels_first(runner), runner.input_shape
    prepared = runner.prepare(pixels[np.newaxis])[0]
    values = np.moveaxis(prepared, 0, -1).ravel() if first else prepared.ravel()
    for arrangement in arrangements(shape, shape[2], channels_first=first):
        if len(arrangement.mistakes) == 1:
            yield arrangement.mistakes[0], values[arrangement.positions]


def _misvalued(pixels: np.ndarray, runner: "Runner") -> Iterator[tuple[Mistake, np.ndarray]]:
    """Wrong values, in every way in which languages convert them to the input's type."""
    dtype, shape = runner.input.dtype, runner.input_shape
    right = natural(dtype, runner)
    positions = next(arrangements(shape, shape[2], channels_first=takes_channels_first(runner))).positions
    values, channels = pixels.ravel()[positions].astype(float), positions % shape[2]
    if dtype in ("uint8", "int8"):
        other = "int8" if dtype == "uint8" else "uint8"
        stored = natural(other, runner)(values, channels)
        yield wrong_dtype(other, dtype), stored.astype(np.int64).astype(dtype)
    for value_map in known_maps(shape[2], runner):
        scaled = value_map(values, channels)
        for converted in (*cast(scaled, dtype), *cast(right(scaled, channels), dtype)):
            if value_map.mistake:
                yield value_map.mistake, converted
