"""Ranges that leave the rarest values out."""

import numpy as np
import pytest

from cnnedge.convert.clipping import BINS, FRACTIONS, OCTAVES, Histogram, mse_ends, percentile_ends


def histogram_of(values: np.ndarray) -> Histogram:
    found = Histogram.between(float(values.min()), float(values.max()))
    found.add(values)
    return found


@pytest.mark.parametrize("spike", [20, 500, 100_000])
def test_percentile_keeps_all_but_the_outermost_however_far_off_those_are(spike):
    """A hundred thousand values of a normal distribution behind a ReLU, and three spikes."""
    values = np.maximum(np.random.default_rng(1).normal(0, 1, 100_000), 0)
    values[:3] = spike
    low, high = percentile_ends(histogram_of(values))
    # Half of 1 - KEPT are 5 of 100,000: fewer than 5 may be cut off, the three and the largest other one.
    assert low == 0 and high == pytest.approx(np.sort(values)[-5], rel=2 ** (OCTAVES / BINS) - 1)
    assert high < 5


def test_mse_finds_what_trying_on_the_values_themselves_finds():
    """A heavy tail, of which cutting some off pays in 8 bits."""
    values = np.maximum(np.random.default_rng(2).standard_t(4, 200_000), 0)
    low, high = mse_ends(histogram_of(values))

    def error(end: float) -> float:
        step = end / 255
        return float(np.mean((np.clip(np.round(values / step), 0, 255) * step - values) ** 2))

    least = min(error(fraction * values.max()) for fraction in FRACTIONS)
    assert low == 0 and high < values.max()
    # The histogram's bins and the formula for rounding are off by a few per cent at most.
    assert error(high) < 1.05 * least < error(values.max())


def test_both_signs_keep_zero_inside():
    values = np.random.default_rng(3).normal(0, 1, 50_000) - 0.5
    for rule in (percentile_ends, mse_ends):
        low, high = rule(histogram_of(values))
        assert values.min() <= low < -2 and 2 < high <= values.max()
