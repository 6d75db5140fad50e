"""Is the model right about its pictures at all? Asked before anything is made of it.

A network that was trained on other pixels, another order of channels or of classes answers like a guess, and every
exported file would be as wrong as it: "equal" in every table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnedge.data import Dataset
from cnnedge.data.splits import evenly_spaced, pixels_of
from cnnedge.errors import ModelError
from cnnedge.model.preprocessing import NAMED, Preprocessing
from cnnedge.model.proof import prove_equal
from cnnedge.model.source import Reference, SourceModel
from cnnedge.scoring.accuracy import ORDER_DEVIATIONS, wilson_interval
from cnnedge.scoring.score import answers_of

# Enough to tell 85 from 95 % (standard error 2 points), few enough for seconds with large networks.
PICTURES = 200
# Another reading must be right this much more often, beyond what chance explains, to be named.
FAR_BETTER = 0.15
# The rebuilt model is compared with the original on so many, after the synthetic ones of ``source``.
PROVED = 6
# With fewer pictures nothing can be told.
FEWEST = 20
# A model that is right so often is not far below anything.
GOOD = 0.85


@dataclass(frozen=True)
class _Reading:
    """One way in which the network may have been meant: what it does to pixels, and what to type."""

    preprocessing: Preprocessing | None
    words: str
    advice: str


def check_plausible(source: SourceModel, data: Dataset) -> str | None:
    """See that the model answers the data's pictures better than a guess, and not far worse than it could.

    Pictures of the training and validation splits are taken; the test split decides nothing.

    Returns:
        A warning that it is near guessing, where nothing usual explains that, or that nothing tells whether its one
        number without activation is a logit; None where all is well.

    Raises:
        ModelError: another reading of the pixels or the classes is far better, and the message has the figures; or the
            one number that was taken for a logit tells nothing of these classes; or the rebuilt model answers these
            pictures otherwise than the original.
    """
    if data.image_shape != source.model.input_shape[1:] or len(data.labels) != source.model.output_shape[1]:
        return None  # no data of this model: who exports says so
    pixels, labels = _pictures(data)
    if len(labels) < FEWEST:
        return unchecked_logit(source, f"{len(labels)} training and validation pictures are too few, add some")
    outputs = source.reference(pixels)
    if source.changed:
        prove_equal(source.model, lambda _: outputs[:PROVED], pixels[:PROVED], tolerance=source.tolerance)
    answers = answers_of(outputs)
    right = int((answers == labels).sum())
    if right >= GOOD * len(labels):
        return None
    asis = f"{source.path} answers {right / len(labels):.0%} of {len(labels)} training and validation pictures right"
    explained = _better_reading(source.reference, pixels, labels, right) or _better_order(answers, labels, data.labels)
    if explained is None and source.reference.head == "logit":
        explained = _better_limit(outputs[:, 1], labels)
    if explained:
        raise ModelError(f"{asis} as it is, {explained}")
    chance = float(np.bincount(labels).max() / len(labels))
    if wilson_interval(right, len(labels))[0] > chance:
        return None
    guessing = (
        f"{asis}, and always naming the most frequent class {chance:.0%}: it is near guessing, and no usual scaling, "
        "order of channels or of classes explains it"
    )
    if source.reference.head == "logit":
        raise ModelError(
            f"{guessing}; its one number without activation may be no logit at all: if it is one, give pictures of the "
            "classes that it was trained on, or save it with a sigmoid at its end"
        )
    return guessing


def unchecked_logit(source: SourceModel, why: str) -> str | None:
    """What to say of a number that was taken for a logit, and was compared with no labelled pictures."""
    if source.reference.head != "logit":
        return None
    return f"whether its one number is the logit of p was not checked: {why}"


def _pictures(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced pictures, uint8 ``(n, H, W, C)``, and their classes."""
    parts = [evenly_spaced(split, PICTURES // 2) for split in (data.validation, data.train)]
    return np.concatenate([pixels_of(part) for part in parts]), np.concatenate([part.labels for part in parts])


def _readings(channels: int, declared: Preprocessing | None) -> Iterator[_Reading]:
    if declared is not None:
        yield _Reading(None, "without any preprocessing", "leave --scale, --mean, --std and --preprocessing out")
    yield _Reading(NAMED["0..1"], "with pixels / 255", "add --scale 255")
    yield _Reading(NAMED["tf"], "with pixels / 127.5 - 1", "add --preprocessing tf")
    if channels == 3:
        yield _Reading(NAMED["torch"], "with ImageNet's mean and std", "add --preprocessing torch")
        yield _Reading(NAMED["caffe"], "with blue first and ImageNet's mean", "add --preprocessing caffe")
        yield _Reading(NAMED["bgr"], "with blue first", "add --preprocessing bgr")


def _better_reading(reference: Reference, pixels: np.ndarray, labels: np.ndarray, right: int) -> str | None:
    best, found = right, None
    channels = 1 if reference.of_rgb else pixels.shape[-1]
    for reading in _readings(channels, reference.preprocessing):
        answers = answers_of(replace(reference, preprocessing=reading.preprocessing)(pixels))
        count = int((answers == labels).sum())
        if count > best and _far_better(count, right, len(labels)):
            best, found = count, f"{count / len(labels):.0%} {reading.words}: {reading.advice}"
    return found


def _better_limit(positive: np.ndarray, labels: np.ndarray) -> str | None:
    """Another number than 0 that parts the two classes: found on half of the pictures, measured on the other half.

    A network that was trained to give 0 and 1 has it near 0.5.
    """
    numbers = np.log(np.clip(positive, 1e-9, None)) - np.log(np.clip(1 - positive.astype("float64"), 1e-9, None))
    candidates = np.unique(numbers[::2])
    between = (candidates[1:] + candidates[:-1]) / 2
    if not len(between):
        return None
    limit = max(between, key=lambda number: int(((numbers[::2] > number) == labels[::2]).sum()))
    measured, truth = numbers[1::2], labels[1::2]
    count, right = (int(((measured > number) == truth).sum()) for number in (limit, 0))
    if not _far_better(count, right, len(truth)):
        return None
    return (
        f"{count / len(truth):.0%} with its classes parted at {limit:.2g} and not at 0: its one number without "
        "activation is no logit, so train it with a sigmoid at its end, or with BinaryCrossentropy(from_logits=True)"
    )


def _far_better(count: int, right: int, pictures: int) -> bool:
    apart = wilson_interval(count, pictures)[0] > wilson_interval(right, pictures)[1]
    return apart and count - right >= FAR_BETTER * pictures


def _better_order(answers: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> str | None:
    """Another order of the classes: found on half of the pictures, measured on the other half."""
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((len(names), len(names)), int)
    np.add.at(table, (answers[::2], labels[::2]), 1)
    order = linear_sum_assignment(-table)[1]  # the class of the data that each class of the model is
    fits, fitted = order[answers[1::2]] == labels[1::2], answers[1::2] == labels[1::2]
    gained, lost = int((fits & ~fitted).sum()), int((fitted & ~fits).sum())
    # A network that knows nothing has an order, too, that fits it best: 37 % of four classes where it had 20.
    if gained - lost <= max(ORDER_DEVIATIONS * (gained + lost) ** 0.5, FAR_BETTER * len(fits)):
        return None
    listed = ",".join(names[index] for index in order)
    return f"{fits.mean():.0%} with its classes in another order: add --labels {_short(listed)}"


def _short(text: str) -> str:
    return text if len(text) <= 300 else text[:300] + ".."
