"""From raw latency samples to figures that may be compared.

Candidates are timed in interleaved rounds, so a slow moment hits the neighbours alike, and two of them are
compared round by round: the ratio of their medians within each round.

Rounds cannot show what differs from process to process: where memory landed, which core the process sits on.
Two fresh processes of the very same file differ in their median for good, by more than the rounds of one
process scatter. So every candidate is started afresh several times, each start is timed for a few rounds, and
only the starts count as independent: the median log ratio of each is one observation, and the interval is
Student's t interval of their mean. It is as wide as this machine's processes differ, measured in this run.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnedge.documents import Latency, Samples

# A table compares a dozen files, and a difference that is none should be rare in all of them: with 99 %
# intervals, 20 runs of one comparison declare more than one false winner in 2 % of all cases; with 95 % in 26 %.
CONFIDENCE = 0.99
# Student's t for a two-sided 99 % interval, by degrees of freedom (one fewer than starts). Two starts would need
# 63.7, which shows nothing at all, so there is no interval below three.
STUDENT_T99 = {2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 6: 3.707, 7: 3.499, 8: 3.355}
# An interquartile range of the round medians above 10 % of their median: the threshold of
# torch.utils.benchmark.
NOISY_SPREAD = 0.10
# Steal time and foreign load above these shares of the machine make a timing untrustworthy.
NOISY_STEAL = 0.02
NOISY_BUSY = 0.20


@dataclass(frozen=True)
class Ratio:
    """How many times as fast; ``low`` and ``high`` are None with too few starts for an interval."""

    value: float
    low: float | None
    high: float | None

    @property
    def winner(self) -> int:
        """1: faster, -1: slower, 0: no difference shown (the interval includes 1, or there is none)."""
        if self.low is None or self.high is None or self.low <= 1 <= self.high:
            return 0
        return 1 if self.low > 1 else -1


def summary(samples_ns: list[int]) -> Latency:
    """Percentiles, least and mean in milliseconds, and the number of runs."""
    milliseconds = np.asarray(samples_ns) / 1e6
    figures = (*np.percentile(milliseconds, (50, 90, 99)), milliseconds.min(), milliseconds.mean())
    p50, p90, p99, least, mean = (round(float(value), 6) for value in figures)
    return Latency(p50, p90, p99, least, mean, runs=len(samples_ns))


def speed_ratio(
    reference_rounds: Sequence[Sequence[int]], rounds: Sequence[Sequence[int]], processes: Sequence[int]
) -> Ratio:
    """How many times as fast the second is as the first.

    Args:
        reference_rounds, rounds: samples in ns of each round, in the same order of rounds.
        processes: for each round the number of the start that was timed in it.

    Raises:
        ValueError: there are no rounds, or not equally many.
    """
    if not rounds or not len(rounds) == len(reference_rounds) == len(processes):
        raise ValueError(
            f"{len(reference_rounds)} and {len(rounds)} rounds of {len(processes)} starts, "
            "expected equally many, at least one"
        )
    pairs = zip(reference_rounds, rounds, strict=True)
    logs = np.array([math.log(np.median(reference) / np.median(samples)) for reference, samples in pairs])
    starts = _medians_by_process(logs, processes)
    middle = float(starts.mean())
    if len(starts) - 1 not in STUDENT_T99:
        return Ratio(math.exp(middle), None, None)
    reach = STUDENT_T99[len(starts) - 1] * float(starts.std(ddof=1)) / math.sqrt(len(starts))
    return Ratio(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach))


def slow_down(before: Samples, after: Samples) -> Ratio:
    """How many times as long the second run takes as the first, of two runs that were not interleaved.

    The starts of each run are what counts as independent: Student's interval of the difference of two means, with the
    pooled variance of the log medians of their quickest rounds. Without an interval where a run has fewer than two
    starts. What else the machine does only adds to a round, and not to the same one in both runs: over the shipped
    TFLite and ONNX files, starts differ by 2.5 % in the median of their rounds and by 1.3 % in the quickest, and a
    planted 10 % is found in 71 and 97 of 100 pairs.
    """
    first, second = (_by_process(_log_medians(run.call), run.process, np.min) for run in (before, after))
    middle = float(second.mean() - first.mean())
    degrees = len(first) + len(second) - 2
    if min(len(first), len(second)) < 2 or degrees not in STUDENT_T99:
        return Ratio(math.exp(middle), None, None)
    squares = float(((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum())
    error = math.sqrt(squares / degrees * (1 / len(first) + 1 / len(second)))
    reach = STUDENT_T99[degrees] * error
    return Ratio(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach))


def _log_medians(rounds: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array([math.log(np.median(samples)) for samples in rounds])


def process_spread(rounds: Sequence[Sequence[int]], processes: Sequence[int]) -> float | None:
    """How much the starts of one candidate differ: the standard deviation of their medians, as a fraction of
    their mean; None for a single start."""
    medians = _medians_by_process(np.array([np.median(samples) for samples in rounds]), processes)
    return float(medians.std(ddof=1) / medians.mean()) if len(medians) > 1 else None


def _medians_by_process(values: np.ndarray, processes: Sequence[int]) -> np.ndarray:
    """The median of the rounds of each start, float64 ``(starts,)``."""
    return _by_process(values, processes, np.median)


def _by_process(
    values: np.ndarray, processes: Sequence[int], chosen: Callable[[np.ndarray], np.floating[Any]]
) -> np.ndarray:
    numbers = np.asarray(processes)
    return np.array([chosen(values[numbers == number]) for number in np.unique(numbers)])


def round_spread(rounds: Sequence[Sequence[int]]) -> float:
    """The interquartile range of the round medians, as a fraction of their median."""
    medians = [float(np.median(samples)) for samples in rounds]
    lower, middle, upper = np.percentile(medians, (25, 50, 75))
    return float((upper - lower) / middle)
