"""Timing calls one by one, with nothing else between two readings of the clock."""

import gc
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Another candidate ran just before each turn, so the first calls find cold caches and are not timed: this
# many, or as many as fit into the time. One call of Keras' predict takes 40 ms and needs no second one to
# be warm.
TURN_WARMUP = 3
TURN_WARMUP_NS = 10_000_000
# However short the time for a turn, each round must have a median.
LEAST_RUNS = 2


def time_calls(call: Callable[[np.ndarray], Any], inputs: Iterable[np.ndarray], seconds: float) -> list[int]:
    """Time ``call(x)`` for each of ``inputs`` in nanoseconds; nothing else lies between the two clock
    readings.

    It stops early once the samples add up to ``seconds``, but not before ``LEAST_RUNS``. Calls to warm up
    come before and are not among the samples.
    """
    clock, limit = time.perf_counter_ns, int(seconds * 1e9)
    samples: list[int] = []
    total = 0
    with _no_garbage_collection():
        warm = clock() + TURN_WARMUP_NS
        for sample in itertools.islice(inputs, TURN_WARMUP):
            call(sample)
            if clock() > warm:
                break
        for sample in inputs:
            start = clock()
            call(sample)
            took = clock() - start
            samples.append(took)
            total += took
            if total > limit and len(samples) >= LEAST_RUNS:
                break
    return samples


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
