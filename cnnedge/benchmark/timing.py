"""From raw latency samples to figures that may be compared.

Candidates are timed in interleaved rounds (A B C, A B C ...), so a slow moment hits the neighbours alike.
Two of them are compared round by round: the ratio of their medians within each round. The interval of the
median ratio comes from its order statistics: whatever the distribution, the true median lies below the k-th
smallest of ``n`` independent ratios with probability P(Binomial(n, 1/2) < k). Nothing is assumed and
nothing is drawn at random.

Rounds cannot show what differs from process to process: where memory landed, which core the process sits
on. Two fresh processes of the very same file differ in their median for good, so every interval is widened
by ``PROCESS_SPREAD`` before it is called a difference.
"""

import math
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
# The widening for differences between processes, as a fraction of the ratio.
# `scripts/benchmark_selfproof.py` measures it: of 20 pairs of processes of one int8 file on a busy 2-core
# virtual machine, the ratio of the medians was off 1 by 0.2 % (median) and 1.3 % (most).
PROCESS_SPREAD = 0.02
# An interquartile range of the round medians above 10 % of their median: the threshold of
# torch.utils.benchmark.
NOISY_SPREAD = 0.10
# Steal time and foreign load above these shares of the machine make a timing untrustworthy.
NOISY_STEAL = 0.02
NOISY_BUSY = 0.20


@dataclass(frozen=True)
class Ratio:
    """How many times as fast; ``low`` and ``high`` are None with too few rounds for an interval."""

    value: float
    low: float | None
    high: float | None

    @property
    def winner(self) -> int:
        """1: faster, -1: slower, 0: no difference shown (the interval includes 1, or there is none)."""
        if self.low is None or self.high is None or self.low <= 1 <= self.high:
            return 0
        return 1 if self.low > 1 else -1


def summary(samples_ns: list[int]) -> dict[str, float]:
    """p50, p90, p99, min and mean in milliseconds, and the number of runs."""
    milliseconds = np.asarray(samples_ns) / 1e6
    p50, p90, p99 = np.percentile(milliseconds, (50, 90, 99))
    figures = {"p50": p50, "p90": p90, "p99": p99, "min": milliseconds.min(), "mean": milliseconds.mean()}
    return {name: round(float(value), 6) for name, value in figures.items()} | {"runs": len(samples_ns)}


def order_statistic_rank(count: int, confidence: float = CONFIDENCE) -> int | None:
    """The largest k such that (k-th smallest, k-th largest) of ``count`` values covers the median.

    It covers with probability 1 - 2 P(Binomial(count, 1/2) < k), which must be at least ``confidence``;
    None where even the extremes do not reach it (fewer than 6 values at 95 %).
    """
    allowed = (1 - confidence) / 2 * 2**count
    tail, rank = 0, 0
    while rank <= count // 2:
        tail += math.comb(count, rank)
        if tail > allowed:
            break
        rank += 1
    return rank or None


def speed_ratio(reference_rounds: list[list[int]], rounds: list[list[int]]) -> Ratio:
    """How many times as fast the second is as the first, from samples in ns per round, in the same order of
    rounds.

    Raises:
        ValueError: there are no rounds, or not equally many.
    """
    if not rounds or len(rounds) != len(reference_rounds):
        raise ValueError(f"{len(reference_rounds)} and {len(rounds)} rounds, expected equally many, at least one")
    pairs = zip(reference_rounds, rounds, strict=True)
    ratios = sorted(float(np.median(reference) / np.median(samples)) for reference, samples in pairs)
    rank = order_statistic_rank(len(ratios))
    if rank is None:
        return Ratio(float(np.median(ratios)), None, None)
    low, high = ratios[rank - 1], ratios[-rank]
    return Ratio(float(np.median(ratios)), low / (1 + PROCESS_SPREAD), high * (1 + PROCESS_SPREAD))


def round_spread(rounds: list[list[int]]) -> float:
    """The interquartile range of the round medians, as a fraction of their median."""
    medians = [float(np.median(samples)) for samples in rounds]
    lower, middle, upper = np.percentile(medians, (25, 50, 75))
    return float((upper - lower) / middle)
