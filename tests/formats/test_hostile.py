"""Files with one or two hostile operators each: none may end, stop or fill the process that opens it.

``scripts/hostile.py`` opens as many more as one likes; 10,000 of each format take some minutes.
"""

import pytest

from tests.support.hostile_run import run_hostile


@pytest.mark.parametrize(("format", "count"), [("tflite", 1400), ("onnx", 600)])
def test_hostile_operators_do_no_harm(format, count):
    told = []
    found = run_hostile(format, 0, count, progress=lambda *report: told.append(report))
    assert told[0] == (f"open {format} files", 0, count) and told[-1] == (f"open {format} files", count, count)
    assert (found.crashes, found.hangs, found.over_memory) == ([], [], [])
    assert sum(found.outcomes.values()) == count
    # A check that refused everything would pass too: a part of the files is sound and runs.
    assert found.outcomes["ran"] > count / 10 and found.outcomes["refused"] > count / 10
