"""The search behind ``inputs``: every way to read a dump, in every order, against every picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.match.arrange import ALPHA, Arrangement, arrangements, takes_channels_first
from cnnedge.apps.match.mistakes import BYTE_ORDER, Mistake, wrong_dtype
from cnnedge.apps.match.references import Reference

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

# The types that apps write, as numpy names them; ">f4" is Java's default byte order.
DTYPES = ("uint8", "int8", "int16", "int32", "float16", "float32", "float64", ">f4")
# Grey, colour, colour and alpha.
VALUES_PER_PIXEL = (1, 3, 4)
# 32-bit whole numbers up to 255, read as 32-bit floats, are below 1e-42; no scaling of pixels comes near.
SMALLEST_FLOAT = 1e-30
# Values of a dump that are looked at when orders are compared.
SAMPLE = 384
# Two orders that explain equally much, up to rounding in 32-bit floats, are the same for this picture.
EQUAL = 1e-6


@dataclass(frozen=True, eq=False)
class Reading:
    """The dump of one image as numbers (n,), with the mistakes of whoever wrote them in that type."""

    dtype: str
    values_per_pixel: int
    values: np.ndarray
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One explanation: ``explained`` 0..1 is the part of the values' variance that it accounts for.

    ``mistakes`` are all but those with the values themselves.
    """

    explained: float
    reading: Reading
    arrangement: Arrangement
    reference: Reference
    mistakes: tuple[Mistake, ...]

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The dump's values (n,), the pixel that belongs to each, and that pixel's channel."""
        within = self.arrangement.positions != ALPHA
        positions = self.arrangement.positions[within]
        pixels = self.reference.pixels.ravel()[positions].astype(float)
        return self.reading.values[within], pixels, positions % self.reference.pixels.shape[2]


def readings(dump: bytes, runner: "Runner") -> list[Reading]:
    """Every type and number of values per pixel in which ``dump`` can be one image for the file."""
    height, width, _ = runner.input_shape
    found = []
    for dtype in DTYPES:
        native = np.dtype(dtype).newbyteorder("=")
        for values_per_pixel in VALUES_PER_PIXEL:
            if len(dump) == height * width * values_per_pixel * native.itemsize:
                values = np.frombuffer(dump, dtype).astype(native)
                if dtype_is_implausible(values):
                    continue
                found.append(Reading(native.name, values_per_pixel, values, dtype_mistakes(dtype, runner.input.dtype)))
    return found


def dtype_is_implausible(values: np.ndarray) -> bool:
    """Whether floats are so small that they can only be whole numbers, read as what they are not."""
    return bool(np.issubdtype(values.dtype, np.floating) and 0 < np.abs(values).max() < SMALLEST_FLOAT)


def dtype_mistakes(dtype: str, expected: str) -> tuple[Mistake, ...]:
    """What is wrong with numbers of ``dtype`` (">f4": big endian) where ``expected`` should be."""
    native = np.dtype(dtype).newbyteorder("=").name
    wrong = () if native == expected else (wrong_dtype(native, expected),)
    return (*wrong, BYTE_ORDER) if dtype.startswith(">") else wrong


def likeliest(
    found: Sequence[Reading], pictures: Sequence[Reference], runner: "Runner", wanted: int | None
) -> list[Candidate]:
    """The explanations that explain most, all equally much, those with the fewest mistakes first."""
    candidates: list[Candidate] = []
    for reading in found:
        if not np.isfinite(reading.values).all():
            continue
        own = seen_by(reading, pictures)
        stacked = np.stack([picture.pixels.ravel() for picture in own])
        for arrangement in orders(reading, own[0].pixels.shape, runner):
            if len(np.unique(reading.values[arrangement.positions == ALPHA])) > 1:
                continue  # an opaque picture's alpha has one value
            explained = _explained(reading.values, stacked, arrangement.positions, own[0].pixels.shape[2])
            for index in np.flatnonzero(explained >= explained.max() - EQUAL):
                mistakes = (*reading.mistakes, *arrangement.mistakes, *own[index].mistakes_for(wanted))
                candidates.append(Candidate(float(explained[index]), reading, arrangement, own[index], mistakes))
    most = max((candidate.explained for candidate in candidates), default=0.0)
    equals = [candidate for candidate in candidates if candidate.explained >= most - EQUAL]
    return sorted(equals, key=lambda candidate: len(candidate.mistakes))


def seen_by(reading: Reading, pictures: Sequence[Reference]) -> list[Reference]:
    """The pictures with as many channels as the dump may have of them: in grey, if it has one value per pixel."""
    if reading.values_per_pixel == 1 and pictures[0].pixels.shape[2] == 3:
        return [picture.in_grey() for picture in pictures]
    return list(pictures)


def orders(reading: Reading, shape: tuple[int, ...], runner: "Runner") -> Iterator[Arrangement]:
    """Every order of the values, for pictures of ``shape`` (H, W, C)."""
    height, width, channels = shape
    first = takes_channels_first(runner)
    return arrangements((height, width, channels), reading.values_per_pixel, channels_first=first)


def _explained(values: np.ndarray, pictures: np.ndarray, positions: np.ndarray, channels: int) -> np.ndarray:
    """The part 0..1 of the variance of ``values`` (n,) that a line per channel over each picture (N, HWC) explains."""
    within = np.flatnonzero(positions != ALPHA)
    if len(within) > SAMPLE:
        within = np.random.default_rng(0).choice(within, SAMPLE, replace=False)
    total, explained = 0.0, np.zeros(len(pictures))
    for channel in range(channels):
        own = within[positions[within] % channels == channel]
        y = values[own].astype(float)
        y -= y.mean()
        x = pictures[:, positions[own]].astype(float)
        x -= x.mean(axis=1, keepdims=True)
        total += float(y @ y)
        explained += (x @ y) ** 2 / np.maximum((x * x).sum(axis=1), np.finfo(float).tiny)
    return explained / total if total else explained
