"""Candidates are started afresh while they are timed."""

from collections import Counter

from cnnedge.benchmark import measure, process
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from tests.support.lookup_runners import facts

# 12 rounds are three starts of 4.
THREE_STARTS = Plan(num_runs=12, warmup_runs=1)


def test_every_file_is_started_afresh_keras_in_its_fastest_way(split, lookup, monkeypatch):
    started = Counter()

    class CountedProcess(process.WorkerProcess):
        def __init__(self, candidate, folder):
            started[candidate.label] += 1
            super().__init__(candidate, folder)

    monkeypatch.setattr(measure, "WorkerProcess", CountedProcess)
    keras = [lookup("f.keras", format="keras", mode=mode, sha256="0" * 64) for mode in ("predict", "function")]
    document = benchmark([*keras, lookup("x.tflite")], split, facts(split), THREE_STARTS, baseline="f.keras")
    assert started == {"f.keras (predict)": 1, "f.keras (function)": 3, "x.tflite": 3}
    assert document.settings.processes == 3
    for row in document.rows:
        assert row.samples_ns.process == [0] * 4 + [1] * 4 + [2] * 4
        assert (row.process_spread is None) == (row.mode == "predict")
        assert row.speedup_low <= row.speedup <= row.speedup_high


def test_a_crash_in_a_later_start_is_an_error(split, lookup, tmp_path):
    bad = lookup("bad.tflite", once=str(tmp_path / "opened"))
    row, good = benchmark([bad, lookup("good.tflite")], split, facts(split), THREE_STARTS).rows
    assert row.error == "lookup: refused the second time" and row.top1 == 1.0 and row.latency_ms is None
    assert good.error is None and good.latency_ms.runs == 12
