"""How right a file is, how sure one may be of it, and whether it differs from the baseline.

Everything here is computed from predictions on the same images, so the comparison is paired: only the
images on which exactly one of the two models is right (the discordant ones) carry information about a
difference.

The verdict, with a margin ``m`` (default 0.5 percentage points) and the 95 % interval of the paired
difference:

    equal     the whole interval lies within -m .. +m
    worse     not equal, the whole interval lies below 0, and the exact McNemar test gives p < 0.05
    better    not equal, the whole interval lies above 0, and the exact McNemar test gives p < 0.05
    unclear   anything else: these images are not enough to tell

So "equal" is claimed wrongly (the true difference being m or more) at most about once in 40, since one end
of a 95 % interval is exceeded with probability 0.025; and because the McNemar test is exact, "worse" or
"better" is claimed of two models that are equally right at most once in 20.
"""

import math
from dataclasses import dataclass

import numpy as np

# Two-sided 95 %: the 0.975 quantile of the standard normal distribution.
Z95 = 1.959963984540054
MARGIN_PP = 0.5
SIGNIFICANCE = 0.05
# Bins of the expected calibration error, as in Guo et al. 2017, "On Calibration of Modern Neural Networks".
ECE_BINS = 15
# Another order of the classes is suspected where it gains more answers than it loses by so many standard deviations of
# that difference (the sign test's: the root of gains and losses together). One order in 31,000 passes four by chance,
# and only the one by which most answers fit is asked. It finds two names exchanged among a hundred.
ORDER_DEVIATIONS = 4


def wilson_interval(right: int, images: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of ``right / images``, as fractions (Wilson 1927, JASA 22).

    Raises:
        ValueError: there are no images, or more right answers than images.
    """
    if images < 1 or not 0 <= right <= images:
        raise ValueError(f"{right} right answers on {images} images, expected 0 <= right <= images, images >= 1")
    share = right / images
    centre = share + Z95**2 / (2 * images)
    spread = Z95 * math.sqrt(share * (1 - share) / images + Z95**2 / (4 * images**2))
    scale = 1 + Z95**2 / images
    # At the ends the interval touches 0 or 1 exactly; in floating point it would miss by a rounding error.
    low = (centre - spread) / scale if right else 0.0
    high = (centre + spread) / scale if right < images else 1.0
    return low, high


def mcnemar_exact(lost: int, gained: int) -> float:
    """Two-sided p of the exact McNemar test (McNemar 1947).

    ``lost`` images only the baseline has right, ``gained`` only the candidate. If both models were equally
    right, each discordant image would fall on either side like a fair coin, so the smaller count follows a
    binomial distribution with probability 1/2; the two-sided p is twice its lower tail, at most 1.
    """
    flips, fewer = lost + gained, min(lost, gained)
    tail = sum(math.comb(flips, count) for count in range(fewer + 1))
    # Integers of any length: the quotient of two exact ones, so nothing underflows at thousands of flips.
    return min(1.0, 2 * tail / 2**flips)


def paired_interval(lost: int, gained: int, images: int, z: float = Z95) -> tuple[float, float]:
    """The interval of (candidate - baseline) accuracy on the same images, as fractions; of 95 % unless ``z`` is another
    quantile.

    Bonett and Price 2012 (J. Educ. Behav. Stat. 37): the Wald interval after adding one image to each
    discordant count and two to the total, which keeps its coverage for few or no flips, where the plain one
    shrinks to a point.
    """
    if images < 1 or lost + gained > images:
        raise ValueError(f"{lost} + {gained} discordant images of {images}, expected at most all of them")
    total = images + 2
    down, up = (lost + 1) / total, (gained + 1) / total
    difference = up - down
    spread = z * math.sqrt((up + down - difference**2) / total)
    return max(-1.0, difference - spread), min(1.0, difference + spread)


def images_to_tell(lost: int, gained: int, images: int, margin_pp: float) -> int:
    """About how many images would bring the paired interval down to ``margin_pp`` to either side.

    As many of them being discordant, in proportion p, as here: with no difference the interval then reaches
    z sqrt(p N + 2) / (N + 2). Two digits, for p itself is uncertain.
    """
    margin, squared = margin_pp / 100, Z95**2
    share = squared * (lost + gained) / images
    needed = (share + math.sqrt(share**2 + 8 * squared * margin**2)) / (2 * margin**2)
    digits = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / digits) * digits


def verdict(lost: int, gained: int, images: int, margin_pp: float = MARGIN_PP) -> str:
    """``equal``, ``better``, ``worse`` or ``unclear``, as the module's first lines define them.

    Raises:
        ValueError: the margin is not above 0.
    """
    if margin_pp <= 0:
        raise ValueError(f"the margin is {margin_pp} percentage points, expected more than 0")
    low, high = paired_interval(lost, gained, images)
    if -margin_pp / 100 < low and high < margin_pp / 100:
        return "equal"
    if low <= 0 <= high or mcnemar_exact(lost, gained) >= SIGNIFICANCE:
        return "unclear"
    return "worse" if high < 0 else "better"


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the baseline on the same images."""

    delta_pp: float
    delta_low_pp: float
    delta_high_pp: float
    lost: int
    gained: int
    p_value: float
    verdict: str


def compare(
    predicted: np.ndarray, baseline: np.ndarray, labels: np.ndarray, margin_pp: float = MARGIN_PP
) -> Comparison:
    """Compare two models' predicted classes, int64 ``(N,)`` each, with the true ``labels`` ``(N,)``."""
    right, was_right = predicted == labels, baseline == labels
    lost, gained = int((was_right & ~right).sum()), int((right & ~was_right).sum())
    low, high = paired_interval(lost, gained, len(labels))
    return Comparison(
        delta_pp=100 * (gained - lost) / len(labels),
        delta_low_pp=100 * low,
        delta_high_pp=100 * high,
        lost=lost,
        gained=gained,
        p_value=mcnemar_exact(lost, gained),
        verdict=verdict(lost, gained, len(labels), margin_pp),
    )


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``(classes, classes)``: row = true class, column = predicted class."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def better_order(confusion: np.ndarray) -> np.ndarray | None:
    """Which class each true class is mostly answered by, where that is another order of the classes and a better one.

    Args:
        confusion: counts ``(classes, classes)`` as of ``confusion_matrix``.

    Returns:
        A permutation ``(classes,)``; None where each class is answered by itself, two by the same one, or the gain may
        be chance.
    """
    answered, classes = confusion.argmax(axis=1), np.arange(len(confusion))
    if not confusion.any() or len(set(answered.tolist())) != len(classes):
        return None
    moved = classes[answered != classes]
    gained, lost = confusion[moved, answered[moved]].sum(), confusion[moved, moved].sum()
    return answered if gained - lost > ORDER_DEVIATIONS * (gained + lost) ** 0.5 else None


def per_class_accuracy(confusion: np.ndarray) -> list[float | None]:
    """The fraction right of each true class; None for a class without images."""
    images = confusion.sum(axis=1)
    return [float(right / count) if count else None for right, count in zip(confusion.diagonal(), images, strict=True)]


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> float:
    """The expected calibration error: mean |accuracy - confidence| over equal-width bins, weighted by images.

    ``probabilities`` is float ``(N, classes)``; the confidence of an image is its largest one.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    surplus = np.bincount(index, weights=right.astype(float) - confidence, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray, step: float = 0.0) -> float:
    """The mean of -ln p(true class), in nats.

    ``step`` is the scale of a quantized output (0.0 for float). Such an output writes every probability
    below half a step as 0, which would make the mean infinite, so half a step is the least that a
    probability counts as.
    """
    least = max(step / 2, float(np.finfo(np.float32).tiny))
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, least)).mean())


def is_distribution(probabilities: np.ndarray, step: float = 0.0) -> bool:
    """Whether each row of ``(N, classes)`` is a distribution: not negative, and adding up to 1.

    A quantized output of scale ``step`` rounds each class by at most half a step; one more step is left for
    the largest, which saturates below 1 (255/256 in 8 bits). Float sums of 10 to 1000 classes stay within
    1e-3.
    """
    allowed = step * (probabilities.shape[1] / 2 + 1) + 1e-3
    return bool((probabilities >= 0).all() and (np.abs(probabilities.sum(axis=1) - 1) <= allowed).all())
