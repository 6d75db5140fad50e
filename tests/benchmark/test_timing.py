import numpy as np
import pytest
from scipy import stats

from cnnedge.benchmark import timing


def rounds(medians, runs=5):
    return [[int(median)] * runs for median in medians]


@pytest.mark.parametrize("count", [1, 5, 6, 10, 20, 51])
def test_the_rank_is_the_largest_that_covers_95_percent(count):
    rank = timing.order_statistic_rank(count)
    coverage = [1 - 2 * stats.binom.cdf(k - 1, count, 0.5) for k in range(1, count // 2 + 1)]
    enough = [k for k, covered in enumerate(coverage, 1) if covered >= 0.95]
    assert rank == (max(enough) if enough else None)


def test_the_ratio_is_taken_round_by_round():
    """A machine that slows down threefold halfway leaves the ratio of 2 as it is, though all samples
    overlap."""
    reference = rounds([2000] * 10 + [6000] * 10)
    ratio = timing.speed_ratio(reference, rounds([1000] * 10 + [3000] * 10))
    assert ratio.value == 2
    assert (ratio.low, ratio.high) == pytest.approx((2 / 1.02, 2 * 1.02))
    assert ratio.winner == 1


def test_too_few_rounds_give_no_interval_and_no_winner():
    ratio = timing.speed_ratio(rounds([2000] * 5), rounds([1000] * 5))
    assert (ratio.value, ratio.low, ratio.high, ratio.winner) == (2, None, None, 0)


def test_a_difference_within_the_spread_of_processes_is_none():
    assert timing.speed_ratio(rounds([1000] * 20), rounds([1015] * 20)).winner == 0
    assert timing.speed_ratio(rounds([1000] * 20), rounds([1100] * 20)).winner == -1


def test_noise_alone_rarely_declares_a_winner():
    """Rounds of the same distribution: the interval is exact, so it misses 1 at most once in 20.

    1,000 comparisons with at most 5 % misses expected: beyond 50 + 3 sqrt(1000 * 0.05 * 0.95) = 71
    something is wrong. The 2 % for processes would hide it, so it is taken out.
    """
    generator = np.random.default_rng(0)
    misses = 0
    for _ in range(1000):
        first, second = (rounds(1e6 * generator.lognormal(0, 0.3, 20), runs=1) for _ in range(2))
        ratio = timing.speed_ratio(first, second)
        misses += not ratio.low * (1 + timing.PROCESS_SPREAD) <= 1 <= ratio.high / (1 + timing.PROCESS_SPREAD)
    assert 0 < misses <= 71


def test_unequal_rounds_are_refused():
    with pytest.raises(ValueError, match="2 and 1 rounds, expected equally many"):
        timing.speed_ratio(rounds([1, 1]), rounds([1]))


def test_the_summary_is_in_milliseconds():
    found = timing.summary([1_000_000, 2_000_000, 3_000_000, 10_000_000])
    assert found == {"p50": 2.5, "p90": 7.9, "p99": 9.79, "min": 1.0, "mean": 4.0, "runs": 4}


def test_the_spread_of_the_rounds():
    assert timing.round_spread(rounds([100] * 20)) == 0
    # Quartiles of 100, 110, 120, 130, 140 are 110 and 130: 20 / 120.
    assert timing.round_spread(rounds([100, 110, 120, 130, 140])) == pytest.approx(1 / 6)
