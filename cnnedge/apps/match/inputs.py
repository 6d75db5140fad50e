"""Which picture of the golden folder a dumped input holds, and which mistakes lie between the two.

The dump is read in every type, order and size that its length allows. The reading whose values are, per channel,
closest to a straight line over the pixels of some picture wins; slope and intercept of that line then tell what was
done to the values.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.match import mistakes as words
from cnnedge.apps.match.arrange import ALPHA
from cnnedge.apps.match.mistakes import Diagnosis
from cnnedge.apps.match.readings import EQUAL, Candidate, Reading, likeliest, orders, seen_by
from cnnedge.apps.match.readings import readings as readings_of
from cnnedge.apps.match.references import Reference
from cnnedge.apps.match.values import cast, known_maps, name_map, natural

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

# The part of the values' variance that the picture explains. Rounding to whole numbers, variance 1/12, leaves 0.9992
# of a picture with a deviation of only ten levels; another antialiased filter leaves 0.998; a filter that skips
# pixels 0.98 to 0.993; another picture of the same class about a half.
SAME_PICTURE, SIMILAR_PICTURE = 0.998, 0.8
# Scaled pixels that were cut to integers leave no more values than this (mean and deviation: -2..2).
FEW_VALUES = 8
# Explanations that fit equally well, of which the simplest is taken: a real picture leaves one or two,
# one of two colours some twenty.
COMPARED = 40


def diagnose_input(dump: bytes, pictures: list[Reference], runner: "Runner", wanted: int | None) -> Diagnosis | None:
    """What the dumped input of one image holds; None if its length is that of an image in no type.

    Args:
        pictures: ``references`` of the golden folder.
        wanted: the number of the picture that the app was given; None if any of them will do.
    """
    readings = readings_of(dump, runner)
    if not readings:
        return None
    if len(set(dump)) == 1:
        return Diagnosis(0.0, None, (words.CONSTANT,))
    found = likeliest(readings, pictures, runner, wanted)
    if found and found[0].explained >= SAME_PICTURE:
        return _simplest(found, runner)
    own = [reading for reading in readings if not reading.mistakes]
    if any(not np.isfinite(reading.values).all() for reading in own):
        return Diagnosis(0.0, None, (words.NOT_A_NUMBER,))
    cut = _cut_to_integers(readings, pictures, runner, wanted)
    if cut:
        return cut
    if found and found[0].explained >= SIMILAR_PICTURE:
        return _simplest(found, runner)
    if any(np.ptp(reading.values) == 0 for reading in own):
        return Diagnosis(0.0, None, (words.CONSTANT,))
    return Diagnosis(0.0, None, (words.UNKNOWN_INPUT,))


def _simplest(found: Sequence[Candidate], runner: "Runner") -> Diagnosis:
    """The diagnosis with the fewest mistakes; of two, the one that fits without numbers worked out from the dump.

    A picture of two colours with blue first is one with a mean and a deviation for each channel as well: six numbers
    that fit whatever two colours are.
    """
    fewest = len(found[0].mistakes)
    near = [one for one in found if len(one.mistakes) <= fewest + 1][:COMPARED]
    described = [_described(one, runner) for one in near]
    return min(described, key=lambda pair: (len(pair[0].mistakes), pair[1]))[0]


def _described(found: Candidate, runner: "Runner") -> tuple[Diagnosis, bool]:
    """The diagnosis, and whether it has numbers that were worked out from the dump."""
    values, pixels, channels = found.pairs()
    exact = found.explained >= SAME_PICTURE and not found.reference.resized
    of_values, fitted = name_map(values, pixels, channels, runner, resized=not exact)
    mistakes = found.mistakes if of_values is None else (*found.mistakes, of_values)
    if found.explained < SAME_PICTURE and not found.reference.mistakes:
        mistakes = (*mistakes, words.resized("softer, sharper or shifted against every usual filter"))
    return Diagnosis(found.explained, found.reference.image, mistakes), fitted


def _cut_to_integers(
    readings: Sequence[Reading], pictures: list[Reference], runner: "Runner", wanted: int | None
) -> Diagnosis | None:
    """Scaled pixels of which the conversion to integers left only a few values: found by trying every scaling."""
    found: list[Diagnosis] = []
    for reading in readings:
        if np.issubdtype(reading.dtype, np.integer) and len(np.unique(reading.values)) <= FEW_VALUES:
            own = seen_by(reading, [picture for picture in pictures if not picture.resized])
            found += _cuts(reading, own, runner, wanted)
            found.append(Diagnosis(EQUAL, None, (*reading.mistakes, words.CUT)))
    if not found:
        return None
    best = min(found, key=lambda diagnosis: (-diagnosis.explained, len(diagnosis.mistakes)))
    alike = dict.fromkeys(
        diagnosis.mistakes
        for diagnosis in found
        if (diagnosis.explained, len(diagnosis.mistakes)) == (best.explained, 1)
    )
    if len(alike) > 1:  # a picture without quite black or quite white pixels
        return Diagnosis(best.explained, best.image, tuple(mistake for (mistake,) in alike), any_of=True)
    return best


def _cuts(reading: Reading, pictures: list[Reference], runner: "Runner", wanted: int | None) -> Iterator[Diagnosis]:
    shape = pictures[0].pixels.shape
    stacked = np.stack([picture.pixels.ravel() for picture in pictures]).astype(float)
    channels = np.arange(stacked.shape[1]) % shape[2]
    right = natural(reading.dtype, runner)
    for value_map in known_maps(shape[2], runner):
        scaled = value_map(stacked, channels)
        if np.ptp(scaled) > FEW_VALUES:
            continue
        for converted in (
            *cast(scaled, reading.dtype),
            *cast(right(scaled, channels), reading.dtype),
        ):
            for arrangement in orders(reading, shape, runner):
                within = arrangement.positions != ALPHA
                same = converted[:, arrangement.positions[within]] == reading.values[within]
                for index in np.flatnonzero(same.all(axis=1)):
                    mistakes = (*reading.mistakes, *arrangement.mistakes, *pictures[index].mistakes_for(wanted))
                    named = tuple(filter(None, (*mistakes, value_map.mistake)))
                    yield Diagnosis(1.0, pictures[index].image, named)
