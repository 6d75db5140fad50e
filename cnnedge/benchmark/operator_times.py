"""Timing the operators of an opened file, by the runtime's own profiler; the worker's side.

Calls with the profiler and without it alternate in blocks, so that what slows the machine down hits both alike, and the
operators' sum can be held against a plain call.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnedge.benchmark.calls import time_calls
from cnnedge.benchmark.layers import summarize
from cnnedge.errors import CnnedgeError
from cnnedge.formats.model_file import open_model_file
from cnnedge.records import to_json
from cnnedge.runtime.opening import open_profiler
from cnnedge.runtime.runner import Runner

BLOCKS = 9
# A block is four turns, plain, profiled, profiled and plain, so that what drifts evenly hits both alike. At most so
# many calls a turn, and so many seconds: 2.2 s a file.
RUNS_PER_TURN = 20
SECONDS_PER_TURN = 0.06


def profile(runner: Runner, source: str, batches: Sequence[np.ndarray]) -> dict[str, Any]:
    """Time the operators of the file at ``source``, which ``runner`` has open; the answer is ``Profiled`` as JSON.

    Raises:
        CnnedgeError: the profiler cannot be used, or its calls differ from each other or from a plain call's answer.
    """
    file = open_model_file(source)
    profiler = open_profiler(file, num_threads=runner.num_threads)
    if not np.array_equal(profiler.run(batches[0]), runner.run(batches[0])):
        raise CnnedgeError("the profiled call gives another answer than the plain one")
    plain: list[list[int]] = [[] for _ in range(BLOCKS)]
    numbers: list[list[int]] = [[] for _ in range(BLOCKS)]
    inputs = itertools.cycle(batches)
    for block, with_profiler in itertools.product(range(BLOCKS), (False, True, True, False)):
        some = list(itertools.islice(inputs, RUNS_PER_TURN))
        taken = time_calls(profiler.run if with_profiler else runner.run, some, SECONDS_PER_TURN)
        if with_profiler:  # the calls that warm up come before the timed ones
            numbers[block] += range(len(profiler.call_ns) - len(taken), len(profiler.call_ns))
        else:
            plain[block] += taken
    calls = profiler.calls()
    if len(calls) != len(profiler.call_ns):
        raise CnnedgeError(f"the profile holds {len(calls)} calls, expected {len(profiler.call_ns)}")
    blocks = [[calls[number] for number in some] for some in numbers]
    profiled = [profiler.call_ns[number] for some in numbers for number in some]
    return to_json(summarize(blocks, plain, profiled, file.facts.operators))
