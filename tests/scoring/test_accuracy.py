import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cnnedge.scoring import accuracy, agreement


@pytest.mark.parametrize(("right", "images"), [(0, 10), (10, 10), (7, 10), (9143, 10_000), (1, 1)])
def test_the_wilson_interval_is_scipys(right, images):
    expected = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    # Both evaluate the same closed form in float64; scipy takes z from its own quantile, good to 1e-15.
    assert accuracy.wilson_interval(right, images) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("right", "images"), [(0, 0), (5, 4), (-1, 4)])
def test_the_wilson_interval_refuses_impossible_counts(right, images):
    with pytest.raises(ValueError, match="expected 0 <= right <= images"):
        accuracy.wilson_interval(right, images)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (0, 6), (5, 15), (60, 41), (1500, 1600)])
def test_mcnemar_is_the_exact_binomial_test(lost, gained):
    expected = stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    # scipy sums float64 probabilities: 3,000 terms, each good to about 1e-13 of itself.
    assert accuracy.mcnemar_exact(lost, gained) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("down", "up", "most"),
    # With two flips of each kind to be expected the added image makes the interval cautious: nearly 1 is
    # right.
    [(0.05, 0.05, 0.99), (0.15, 0.05, 0.98), (0.3, 0.1, 0.97), (0.02, 0.02, 1.0)],
)
def test_the_paired_interval_covers_the_true_difference(down, up, most):
    """Its coverage, summed over every possible pair of discordant counts on 50 images, is near 95 %."""
    images, covered = 50, 0.0
    for lost, gained in itertools.product(range(images + 1), repeat=2):
        if lost + gained <= images:
            low, high = accuracy.paired_interval(lost, gained, images)
            counts = [lost, gained, images - lost - gained]
            probability = stats.multinomial.pmf(counts, images, [down, up, 1 - down - up])
            covered += probability * (low <= up - down <= high)
    assert 0.93 <= covered <= most


def test_the_paired_interval_does_not_shrink_to_a_point_without_flips():
    low, high = accuracy.paired_interval(0, 0, 500)
    # By hand: (1 + 1) / 502 discordant, so +-1.96 * sqrt(2 / 502 / 502) = +-0.00552.
    assert (low, high) == pytest.approx((-0.00552, 0.00552), abs=1e-5)


@pytest.mark.parametrize(
    ("lost", "gained", "images", "expected"),
    [
        pytest.param(70, 75, 10_000, "equal", id="few flips both ways"),
        pytest.param(0, 0, 10_000, "equal", id="identical"),
        pytest.param(0, 0, 300, "unclear", id="identical, but few images"),
        pytest.param(200, 80, 10_000, "worse", id="1.2 points lost"),
        pytest.param(80, 200, 10_000, "better", id="1.2 points gained"),
        pytest.param(90, 50, 10_000, "worse", id="0.4 points lost, could be more than the margin"),
        pytest.param(200, 180, 10_000, "unclear", id="many flips, either way possible"),
        pytest.param(30, 5, 10_000, "equal", id="surely lost, but within the margin"),
        pytest.param(5, 0, 100, "unclear", id="p = 0.06"),
    ],
)
def test_the_verdict(lost, gained, images, expected):
    assert accuracy.verdict(lost, gained, images) == expected


def test_the_margin_decides_between_equal_and_worse():
    assert accuracy.verdict(90, 50, 10_000, margin_pp=0.5) == "worse"
    assert accuracy.verdict(90, 50, 10_000, margin_pp=1.0) == "equal"
    with pytest.raises(ValueError, match="the margin is 0"):
        accuracy.verdict(1, 1, 10, margin_pp=0)


def test_equally_right_models_are_told_apart_at_most_once_in_20():
    """For every number of flips up to 60, the chance of "worse" or "better" when each flip is a fair coin."""
    for flips in range(1, 61):
        images = 4 * flips
        chance = sum(
            math.comb(flips, lost) / 2**flips
            for lost in range(flips + 1)
            if accuracy.verdict(lost, flips - lost, images) in ("worse", "better")
        )
        assert chance <= 0.05, flips


def test_a_comparison_counts_what_was_lost_and_gained():
    labels = np.array([0, 1, 2, 3, 0])
    baseline = np.array([0, 1, 2, 0, 1])
    candidate = np.array([0, 1, 0, 3, 2])
    found = accuracy.compare(candidate, baseline, labels)
    assert (found.lost, found.gained, found.delta_pp) == (1, 1, 0.0)
    assert agreement.agreement(candidate, baseline) == pytest.approx(2 / 5)
    assert agreement.flips(candidate, baseline).tolist() == [2, 3, 4]


def test_confusion_and_per_class_accuracy():
    labels = np.array([0, 0, 0, 1, 1])
    predicted = np.array([0, 1, 0, 1, 1])
    confusion = accuracy.confusion_matrix(predicted, labels, classes=3)
    assert confusion.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    per_class = accuracy.per_class_accuracy(confusion)
    assert per_class == [pytest.approx(2 / 3), 1.0, None]
    assert agreement.most_lost_class(per_class, [1.0, 1.0, None]) == (0, pytest.approx(-100 / 3))
    assert agreement.most_lost_class([1.0, 0.9], [1.0, 0.8]) is None


def test_the_calibration_error_by_hand():
    # Two bins are filled: confidence 0.6 (one of two right) and 0.9 (both right), half of the images each.
    probabilities = np.array([[0.6, 0.4], [0.4, 0.6], [0.9, 0.1], [0.1, 0.9]])
    labels = np.array([0, 0, 0, 1])
    assert accuracy.calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)


def test_the_likelihood_counts_a_rounded_zero_as_half_a_step():
    probabilities, labels = np.array([[1.0, 0.0], [0.25, 0.75]]), np.array([1, 1])
    expected = -(math.log(1 / 512) + math.log(0.75)) / 2
    assert accuracy.negative_log_likelihood(probabilities, labels, step=1 / 256) == pytest.approx(expected)
    assert math.isfinite(accuracy.negative_log_likelihood(probabilities, labels))


def test_scores_are_no_distribution():
    eight_bits = np.array([[255, 0, 0], [128, 64, 63]]) / 256
    assert accuracy.is_distribution(eight_bits, step=1 / 256)
    assert not accuracy.is_distribution(np.array([[2.0, -1.0]]))
    assert not accuracy.is_distribution(np.array([[0.9, 0.9]]))
