import numpy as np
import pytest
from scipy import stats

from cnnedge.benchmark import timing
from cnnedge.documents import Latency


def rounds(medians, runs=5):
    return [[int(median)] * runs for median in medians]


FIVE = [start for start in range(5) for _ in range(4)]


@pytest.mark.parametrize("freedom", timing.STUDENT_T99)
def test_the_quantiles_are_students(freedom):
    quantile = stats.t.ppf((1 + timing.CONFIDENCE) / 2, freedom)
    # The table has four significant digits.
    assert timing.STUDENT_T99[freedom] == pytest.approx(quantile, abs=5e-4)


def test_the_ratio_is_taken_round_by_round():
    """A machine that slows down threefold halfway leaves the ratio of 2 as it is, though all samples
    overlap."""
    reference = rounds([2000] * 10 + [6000] * 10)
    ratio = timing.speed_ratio(reference, rounds([1000] * 10 + [3000] * 10), FIVE)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2)) and ratio.winner == 1


def test_the_interval_comes_from_the_starts_by_hand():
    """Three starts whose medians are 1 %, 2 % and 3 % slower in the log; outliers in one round do not count."""
    slower = [1.01, 1.01, 9.0, 1.02, 1.02, 1.02, 1.03, 1.03, 1.03]
    logs = np.log([1.01, 1.02, 1.03])
    reach = 9.925 * logs.std(ddof=1) / np.sqrt(3)
    starts = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    ratio = timing.speed_ratio(rounds([1e9] * 9), rounds([1e9 * factor for factor in slower]), starts)
    expected = np.exp([-logs.mean(), -logs.mean() - reach, -logs.mean() + reach])
    # Samples are whole nanoseconds of 1e9: relative errors of 1e-9.
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx(expected, rel=1e-8)
    assert ratio.winner == 0


@pytest.mark.parametrize("starts", [1, 2])
def test_too_few_starts_give_no_interval_and_no_winner(starts):
    numbers = [number for number in range(starts) for _ in range(4)]
    ratio = timing.speed_ratio(rounds([2000] * 4 * starts), rounds([1000] * 4 * starts), numbers)
    assert (ratio.low, ratio.high, ratio.winner) == (None, None, 0) and ratio.value == pytest.approx(2)


@pytest.mark.parametrize("noise", ["rounds", "processes", "two kinds of process", "bursts"])
def test_noise_alone_rarely_declares_a_winner(noise):
    """One file compared with itself, where the machine disturbs rounds, whole processes, or now and then.

    1 % of 1,000 comparisons are expected at most; beyond 10 + 3 sqrt(1000 * 0.01 * 0.99) = 19 something is wrong.
    """
    generator = np.random.default_rng(0)

    def one_candidate():
        scale = np.exp(generator.normal(0, 0.05, 20))
        if noise == "processes":
            scale *= np.repeat(np.exp(generator.normal(0, 0.2, 5)), 4)
        if noise == "two kinds of process":
            scale *= np.repeat(1 + 0.05 * generator.integers(0, 2, 5), 4)
        if noise == "bursts":
            scale *= 1 + 4 * (generator.random(20) < 0.2)
        return rounds(1e6 * scale, runs=1)

    winners = sum(timing.speed_ratio(one_candidate(), one_candidate(), FIVE).winner != 0 for _ in range(1000))
    assert winners <= 19


def test_ten_percent_are_found_where_processes_differ_by_one():
    """The reach is 2.06 standard deviations of a start: with 1 % for each of the two files about 3 %, far below 10 %.

    Under a chi distribution of 4 degrees of freedom the spread comes out 2.6 times too large in less than 1 of 1,000.
    """
    generator = np.random.default_rng(0)
    for _ in range(200):
        first, slower = (np.repeat(np.exp(generator.normal(0, 0.01, 5)), 4) for _ in range(2))
        assert timing.speed_ratio(rounds(1e6 * first), rounds(1.1e6 * slower), FIVE).winner == -1


def test_unequal_rounds_are_refused():
    with pytest.raises(ValueError, match="2 and 1 rounds of 2 starts, expected equally many"):
        timing.speed_ratio(rounds([1, 1]), rounds([1]), [0, 1])


def test_the_spread_of_the_starts():
    # Medians of the starts 100, 110 and 120: standard deviation 10, mean 110.
    medians = [100, 100, 900, 110, 110, 110, 120, 120, 1]
    assert timing.process_spread(rounds(medians), [0, 0, 0, 1, 1, 1, 2, 2, 2]) == pytest.approx(10 / 110)
    assert timing.process_spread(rounds([100, 110]), [0, 0]) is None


def test_the_summary_is_in_milliseconds():
    found = timing.summary([1_000_000, 2_000_000, 3_000_000, 10_000_000])
    assert found == Latency(p50=2.5, p90=7.9, p99=9.79, min=1.0, mean=4.0, runs=4)


def test_the_spread_of_the_rounds():
    assert timing.round_spread(rounds([100] * 20)) == 0
    # Quartiles of 100, 110, 120, 130, 140 are 110 and 130: 20 / 120.
    assert timing.round_spread(rounds([100, 110, 120, 130, 140])) == pytest.approx(1 / 6)
