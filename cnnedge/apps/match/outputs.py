"""Which answer of the golden folder a dumped output is, and which mistakes lie between the two.

Besides mistakes with the output itself, those at the input are found through it: the file is run on every picture with
every single mistake, and the answer that this gives is looked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.golden.content import GoldenImage
from cnnedge.apps.match import mistakes as words
from cnnedge.apps.match.mistakes import Diagnosis, Mistake
from cnnedge.apps.match.readings import DTYPES, dtype_mistakes
from cnnedge.apps.match.simulate import Simulation

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner, TensorSpec

# Probabilities that differ by less are the same: 32-bit floats summed in another order differ by some 1e-6.
SAME = 1e-4
# Another processor or a GPU (16-bit floats) moves a probability by less than this; with the same winner it is a match.
SIMILAR = 0.02
# The softmax of logits against outputs that were rounded to 1/256, half a step, or were made by an integer softmax.
ROUNDED = 0.006


@dataclass(frozen=True, eq=False)
class Answer:
    """What the file gives for golden picture ``image``: ``raw`` (classes,) and as probabilities (classes,)."""

    image: int
    raw: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class _Reading:
    """A dump as numbers (classes,); ``scores`` are the probabilities that they mean if they are right."""

    dtype: str
    values: np.ndarray
    scores: np.ndarray
    mistakes: tuple[Mistake, ...]


def diagnose_output(
    dump: bytes,
    answers: Sequence[Answer],
    runs: Callable[[], Sequence[Simulation]],
    runner: "Runner",
    labels: Sequence[str],
    wanted: int | None,
) -> Diagnosis | None:
    """What a dumped output of one image holds; None if its length is that of no output in any type.

    Args:
        answers: what the file gives for the golden pictures.
        runs: gives what the file answers when it is fed with mistakes.
        labels: the file's, in the order of its output.
        wanted: the number of the picture that the app was given; None if any of them will do.
    """
    readings = _readings(dump, runner)
    if not readings:
        return None
    if len(set(dump)) == 1:
        return Diagnosis(0.0, None, (words.CONSTANT,))
    finite = [reading for reading in readings if np.isfinite(reading.values).all()]
    found = list(_direct(finite, answers, runner.output, wanted))
    at_input = None if found else _through_the_output(finite, runs())
    if at_input:
        return at_input
    found = found or list(_similar(finite, answers, wanted)) or list(_reordered(finite, answers, labels, wanted))
    if found:
        return min(found, key=lambda diagnosis: len(diagnosis.mistakes))
    right_type = [reading for reading in readings if not reading.mistakes]
    if not any(np.isfinite(reading.values).all() for reading in right_type):
        return Diagnosis(0.0, None, (words.NOT_A_NUMBER,))
    return Diagnosis(0.0, None, (words.UNKNOWN_OUTPUT,))


def answer_of(image: GoldenImage, number: int, runner: "Runner") -> Answer:
    """The golden picture's output, as the file gave it."""
    raw = np.frombuffer(image.output, runner.output.dtype)
    return Answer(number, raw, runner.probabilities(raw[np.newaxis])[0])


def _readings(dump: bytes, runner: "Runner") -> list[_Reading]:
    found, spec = [], runner.output
    for dtype in DTYPES:
        native = np.dtype(dtype).newbyteorder("=")
        if len(dump) != runner.num_classes * native.itemsize:
            continue
        values = np.frombuffer(dump, dtype).astype(native)
        with np.errstate(invalid="ignore"):  # numbers that are none
            scores = values.astype(float)
        if np.issubdtype(native, np.integer) and spec.scale:
            scores = (scores - _zero_point(native.name, spec)) * spec.scale
        elif np.issubdtype(native, np.integer):
            scores = scores / 255
        mistakes = dtype_mistakes(dtype, spec.dtype)
        if native == np.float32 and spec.scale:  # probabilities, worked out from quantized outputs
            mistakes = dtype_mistakes(dtype, "float32")
        found.append(_Reading(native.name, values, scores, mistakes))
    return found


def _zero_point(dtype: str, spec: "TensorSpec") -> int:
    """The zero point with which ``dtype`` means the same as the file's own type: int8 lies 128 below uint8."""
    if dtype == spec.dtype:
        return spec.zero_point
    unsigned = spec.zero_point + (128 if spec.dtype == "int8" else 0)
    return unsigned - (128 if dtype == "int8" else 0)


def _direct(
    readings: Sequence[_Reading], answers: Sequence[Answer], spec: "TensorSpec", wanted: int | None
) -> Iterator[Diagnosis]:
    """Answers that the dump is exactly, or after one known mistake."""
    for reading in readings:
        step = spec.scale or 1 / 255
        tolerance = SAME if reading.dtype.startswith("float") or spec.scale else step
        for answer in answers:
            if np.abs(reading.scores - answer.scores).max() <= tolerance:
                yield _diagnosis(reading, answer, (), wanted)
            if reading.dtype.startswith("float"):
                for mistake in _value_mistakes(reading.values.astype(float), answer, spec):
                    yield _diagnosis(reading, answer, (mistake,), wanted)


def _value_mistakes(values: np.ndarray, answer: Answer, spec: "TensorSpec") -> Iterator[Mistake]:
    with np.errstate(over="ignore", invalid="ignore"):
        for mistake, expected in _wrong_values(answer, spec):
            if np.abs(values - expected).max() <= SAME * max(1.0, np.abs(expected).max()):
                yield mistake
        top = values.max()
        if np.isfinite(top) and np.abs(_softmax(values) - answer.scores).max() <= (ROUNDED if spec.scale else SAME):
            yield words.LOGITS


def _wrong_values(answer: Answer, spec: "TensorSpec") -> Iterator[tuple[Mistake, np.ndarray]]:
    yield words.PERCENT, 100 * answer.scores
    yield words.SOFTMAX_TWICE, _softmax(answer.scores)
    if not spec.scale:
        return
    raw, zero, scale = answer.raw.astype(float), spec.zero_point, spec.scale
    limits = np.iinfo(answer.raw.dtype)
    span = limits.max - limits.min + 1
    # The same bytes read with the other sign: Java has signed bytes only.
    other = np.where(raw > span // 2 - 1, raw - span, raw) if limits.min == 0 else np.where(raw < 0, raw + span, raw)
    sign = "signed" if limits.min == 0 else "unsigned"
    right = f"(value - {zero}) * {scale:.9g}"
    for how, values in (
        ("raw numbers, not dequantized", raw),
        ("the zero point was not subtracted", raw * scale),
        ("the zero point was added", (raw + zero) * scale),
        ("not multiplied by the scale", raw - zero),
        ("divided by 255", (raw - zero) / 255),
        ("divided by 255, and the zero point was not subtracted", raw / 255),
        ("dequantized twice", ((raw - zero) * scale - zero) * scale),
        (f"bytes were read as {sign}", (other - zero) * scale),
        (f"bytes were read as {sign}, and the zero point was not subtracted", other * scale),
        (f"bytes were read as {sign}, and not dequantized", other),
    ):
        yield words.dequantized(how, right), values


def _softmax(values: np.ndarray) -> np.ndarray:
    exponentials = np.exp(values - values.max())
    return exponentials / exponentials.sum()


def _similar(readings: Sequence[_Reading], answers: Sequence[Answer], wanted: int | None) -> Iterator[Diagnosis]:
    """Answers with the same winner that another processor may give."""
    for reading in readings:
        for answer in answers:
            close = np.abs(reading.scores - answer.scores).max() <= SIMILAR
            if close and reading.scores.argmax() == answer.scores.argmax():
                yield _diagnosis(reading, answer, (), wanted)


def _reordered(
    readings: Sequence[_Reading], answers: Sequence[Answer], labels: Sequence[str], wanted: int | None
) -> Iterator[Diagnosis]:
    """Answers whose values are all there, in another order; two different ones are needed to tell."""
    for reading in readings:
        for answer in answers:
            enough = len(np.unique(answer.scores[answer.scores > SIMILAR])) >= 2
            if enough and np.abs(np.sort(reading.scores) - np.sort(answer.scores)).max() <= SAME:
                yield _diagnosis(reading, answer, (_order(reading.scores, answer.scores, labels),), wanted)


def _order(found: np.ndarray, scores: np.ndarray, labels: Sequence[str]) -> Mistake:
    if (np.diff(found) <= 0).all():
        return words.SORTED
    alphabetical = sorted(range(len(labels)), key=lambda index: labels[index])
    return words.ALPHABETICAL if np.abs(found - scores[alphabetical]).max() <= SAME else words.REORDERED


def _through_the_output(readings: Sequence[_Reading], runs: Sequence[Simulation]) -> Diagnosis | None:
    """The mistakes at the input that give this output, each of them alone."""
    scores = [reading.scores for reading in readings if not reading.mistakes]
    fitting = [run for run in runs if any(np.abs(found - run.scores).max() <= SAME for found in scores)]
    if not fitting:
        return None
    image = fitting[0].image if len({run.image for run in fitting}) == 1 else None
    mistakes = dict.fromkeys(mistake for run in fitting for mistake in run.mistakes)
    if any(not run.mistakes for run in fitting):
        return Diagnosis(1.0, image, ())
    return Diagnosis(1.0, image, tuple(mistakes), any_of=len(mistakes) > 1)


def _diagnosis(reading: _Reading, answer: Answer, own: tuple[Mistake, ...], wanted: int | None) -> Diagnosis:
    another = () if wanted in (None, answer.image) else (words.another_image(answer.image, wanted),)
    return Diagnosis(1.0, answer.image, (*reading.mistakes, *own, *another))
