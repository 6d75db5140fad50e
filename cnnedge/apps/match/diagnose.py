"""What an app fed to a model file, or got from it: compared with a golden folder, and the mistake named.

mistakes    the mistakes, each with a name, what was found and what to do
arrange     the orders in which values may lie
values      what may be done to the values
references  the pictures, resized rightly and wrongly
readings    every reading of a dump against every picture in every order
inputs      which mistakes a dumped input shows
simulate    what the file answers when it is fed with a mistake
outputs     which mistakes a dumped output shows
"""

import functools
from collections.abc import Callable, Sequence
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.golden.content import MOST_IMAGES, GoldenImage
from cnnedge.apps.match import mistakes as words
from cnnedge.apps.match.inputs import diagnose_input
from cnnedge.apps.match.mistakes import Diagnosis
from cnnedge.apps.match.outputs import answer_of, diagnose_output
from cnnedge.apps.match.readings import EQUAL, VALUES_PER_PIXEL
from cnnedge.apps.match.references import references
from cnnedge.apps.match.simulate import simulations

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

# A whole set of pictures in 64-bit numbers with alpha is the largest dump that means anything.
BYTES_PER_PIXEL = 4 * 8
# Below this, a square picture is as likely as any other reading of a wrong number of bytes.
SMALLEST_SIDE = 8


def largest_dump(runner: "Runner") -> int:
    """The most bytes that a dump for this file can have and still be one."""
    height, width, _ = runner.input_shape
    return MOST_IMAGES * BYTES_PER_PIXEL * max(height * width, runner.num_classes)


def diagnose(
    dump: bytes, images: Sequence[GoldenImage], runner: "Runner", labels: Sequence[str], *, wanted: int | None = None
) -> tuple[str, Diagnosis]:
    """Say whether ``dump`` is an ``input`` or an ``output`` of the file, of which golden picture, and what is wrong.

    Args:
        images: the golden folder's.
        labels: the file's, in the order of its output.
        wanted: the number of the picture that the app was given; None if any of them will do.
    """
    for number, image in enumerate(images):
        for kind, right in (("input", image.input), ("output", image.output)):
            if dump == right and wanted in (None, number):
                return kind, Diagnosis(1.0, number, ())
    pictures = references(images, runner.input_shape)
    at_input = _of_several(dump, lambda piece: diagnose_input(piece, pictures, runner, wanted), runner, at_input=True)
    if at_input and at_input.image is not None:
        return "input", at_input
    answers = [answer_of(image, number, runner) for number, image in enumerate(images)]
    # Some thousand runs of the file, so only if they are needed, and then once for all readings of the dump.
    runs = functools.cache(lambda: list(simulations(images, pictures, runner, wanted)))
    at_output = _of_several(
        dump, lambda piece: diagnose_output(piece, answers, runs, runner, labels, wanted), runner, at_input=False
    )
    if at_output and (at_input is None or at_output.image is not None):
        return "output", at_output
    return "input", at_input or Diagnosis(0.0, None, (words.wrong_size(_guessed(dump, runner), _input_size(runner)),))


def _of_several(
    dump: bytes, one: Callable[[bytes], Diagnosis | None], runner: "Runner", *, at_input: bool
) -> Diagnosis | None:
    """Diagnose a dump of one image or of several in a row: whichever explains most, then with the fewest mistakes."""
    by_count: dict[int, Diagnosis] = {}
    for count in range(1, MOST_IMAGES + 1):
        first = one(dump[: len(dump) // count]) if len(dump) % count == 0 else None
        if first is not None:
            by_count[count] = first
            if first.image is not None and not first.mistakes:
                break  # nothing could fit better
    most = max((first.explained for first in by_count.values()), default=0.0)
    contenders = [
        _completed(first, dump, count, one, runner, at_input=at_input)
        for count, first in by_count.items()
        if first.explained >= most - EQUAL
    ]
    return min(contenders, key=lambda diagnosis: len(diagnosis.mistakes), default=None)


def _completed(
    first: Diagnosis,
    dump: bytes,
    count: int,
    one: Callable[[bytes], Diagnosis | None],
    runner: "Runner",
    *,
    at_input: bool,
) -> Diagnosis:
    """The diagnosis of the first of ``count`` images, with what is to say of the others and their number."""
    size = len(dump) // count
    if count == 1:
        return first
    if runner.free_batch:
        others = [one(dump[start : start + size]) for start in range(size, len(dump), size)]
        mistakes = [*first.mistakes, *(mistake for other in others if other for mistake in other.mistakes)]
    elif at_input and count == np.dtype(runner.input.dtype).itemsize and not any(dump[size:]):
        mistakes = [words.BYTES_IN_BUFFER]  # into a buffer for 32-bit floats
    else:
        mistakes = [*first.mistakes, words.several(count)]
    return Diagnosis(first.explained, first.image, tuple(dict.fromkeys(mistakes)), first.any_of)


def _input_size(runner: "Runner") -> int:
    return int(np.prod(runner.input_shape)) * np.dtype(runner.input.dtype).itemsize


def _guessed(dump: bytes, runner: "Runner") -> str:
    """What a dump of a wrong size may be: a square picture of another size, of the file's kind if possible."""
    kinds = [(runner.input.dtype, runner.input_shape[2])]
    kinds += [(dtype, channels) for dtype in ("uint8", "float32") for channels in VALUES_PER_PIXEL]
    for dtype, channels in kinds:
        side = isqrt(len(dump) // (np.dtype(dtype).itemsize * channels))
        if side >= SMALLEST_SIDE and side * side * channels * np.dtype(dtype).itemsize == len(dump):
            return f"{len(dump):,} bytes, as of a picture of {side} x {side} x {channels} in {dtype}"
    return f"{len(dump):,} bytes"
