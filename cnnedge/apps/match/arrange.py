"""The orders in which an app may lay out a picture's values: colours, rows and columns, mirrored, turned."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.match import mistakes as words
from cnnedge.apps.match.mistakes import Mistake

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

# The position, in a flattened picture, of a value that is in none: alpha.
ALPHA = -1

_SPATIAL: list[tuple[tuple[Mistake, ...], Callable[[np.ndarray], np.ndarray]]] = [
    ((), lambda positions: positions),
    ((words.FLIPPED_HORIZONTALLY,), lambda positions: positions[:, ::-1]),
    ((words.FLIPPED_VERTICALLY,), lambda positions: positions[::-1]),
    ((words.ROTATED_180,), lambda positions: positions[::-1, ::-1]),
    ((words.TRANSPOSED,), lambda positions: positions.transpose(1, 0, 2)),
    ((words.ROTATED_90,), lambda positions: np.rot90(positions, -1)),
    ((words.ROTATED_270,), lambda positions: np.rot90(positions)),
    ((words.ANTITRANSPOSED,), lambda positions: positions[::-1, ::-1].transpose(1, 0, 2)),
]
# (channels of the file, values per pixel in the dump): the mistakes, and which channel each value is.
_CHANNELS: dict[tuple[int, int], list[tuple[tuple[Mistake, ...], tuple[int, ...]]]] = {
    (1, 1): [((), (0,))],
    (1, 3): [((words.RGB_FOR_GREY,), (0, 0, 0))],
    (1, 4): [((words.ALPHA,), (0, 0, 0, ALPHA)), ((words.ALPHA,), (ALPHA, 0, 0, 0))],
    (3, 3): [((), (0, 1, 2)), ((words.BGR,), (2, 1, 0))],
    (3, 4): [
        ((words.ALPHA,), (0, 1, 2, ALPHA)),
        ((words.ALPHA,), (ALPHA, 0, 1, 2)),
        ((words.ALPHA, words.BGR), (2, 1, 0, ALPHA)),
        ((words.ALPHA, words.BGR), (ALPHA, 2, 1, 0)),
    ],
}


@dataclass(frozen=True, eq=False)
class Arrangement:
    """One order: ``positions[i]`` says where in the flattened picture (H, W, C) the dump's value i lies, or ALPHA."""

    mistakes: tuple[Mistake, ...]
    positions: np.ndarray


def takes_channels_first(runner: "Runner") -> bool:
    """Whether the file's own order is all of one colour, then all of the next (NCHW)."""
    return runner.input.shape[1:] != runner.input_shape


def arrangements(shape: tuple[int, int, int], values_per_pixel: int, *, channels_first: bool) -> Iterator[Arrangement]:
    """Every order for a file that takes pictures of ``shape`` (H, W, C), the right one first.

    ``channels_first`` says which order the file itself wants. Nothing, if no order has so many values per pixel.
    """
    positions = np.arange(np.prod(shape)).reshape(shape)
    for channel_mistakes, channels in _CHANNELS.get((shape[2], values_per_pixel), []):
        columns = [np.full((*shape[:2], 1), ALPHA) if c == ALPHA else positions[..., c : c + 1] for c in channels]
        picture = np.concatenate(columns, axis=2)
        for spatial_mistakes, turned in _SPATIAL:
            for layout_mistakes, ordered in _layouts(turned(picture), channels_first):
                yield Arrangement(channel_mistakes + spatial_mistakes + layout_mistakes, ordered.ravel())


def _layouts(picture: np.ndarray, channels_first: bool) -> list[tuple[tuple[Mistake, ...], np.ndarray]]:
    planes = picture.transpose(2, 0, 1)
    if picture.shape[2] == 1:
        return [((), picture)]  # one channel lies the same way in both
    if channels_first:
        return [((), planes), ((words.CHANNEL_LAST,), picture)]
    return [((), picture), ((words.CHANNEL_FIRST,), planes)]
