"""The whole benchmark, with real worker processes: first runners that misbehave, then a real network."""

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from cnnedge.benchmark import classify, plan, process, timing
from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.benchmark.worker import images_at_once
from cnnedge.data import ArraySplit, pixels_of
from cnnedge.documents import read_document
from cnnedge.errors import UsageError
from cnnedge.records import to_json
from tests.support.digits import DIGITS, digits
from tests.support.lookup_runners import facts

# 4 rounds are one start; tests that look at intervals ask for more.
QUICK = Plan(num_runs=4, warmup_runs=1)
INTERFACE_ROW = {
    "file", "format", "precision", "qat", "runtime", "device", "threads", "size_bytes", "images", "top1",
    "top1_low", "top1_high", "delta_pp", "agreement", "verdict", "latency_ms", "end_to_end_ms", "speedup",
    "speedup_low", "speedup_high", "load_ms", "first_ms", "peak_rss_mb", "error",
}  # fmt: skip


def by_file(document):
    return {row.file: row for row in document.rows}


def test_the_document_is_that_of_the_interface(split, lookup):
    keras = [
        lookup("float.keras", format="keras", mode=mode, sha256="0" * 64, microseconds=us)
        for mode, us in (("predict", 10_000), ("function", 2000))
    ]
    candidates = [*keras, lookup("half.tflite", microseconds=1000), lookup("poor.tflite", wrong_below=64)]
    document = benchmark(candidates, split, facts(split), replace(QUICK, num_runs=12), baseline="float.keras")
    written = to_json(document)
    assert {"schema", "machine", "data", "baseline", "rows"} <= written.keys()
    assert {"cpu", "cores", "cpu_flags", "arch", "os", "python", "governor", "packages"} <= written["machine"].keys()
    assert written["data"].items() >= {"name": "labelled", "split": "test", "images": 600}.items()
    assert document.data.sha256 == split.sha256
    assert document.schema == 1 and document.baseline == "float.keras" and not document.interrupted
    assert all(row.keys() >= INTERFACE_ROW for row in written["rows"])
    predict, function, half, poor = document.rows
    assert [row.error for row in document.rows] == [None] * 4

    assert (function.speedup, function.speedup_low, function.speedup_high) == (1, 1, 1)
    # The planted ratios are 2000 / 1000 and 2000 / 10,000; the runners add 10 to 70 microseconds of numpy to each
    # call. The quickest calls show them whatever else the machine does; the speed-up is that of all calls.
    assert function.latency_ms.min / half.latency_ms.min == pytest.approx(2, rel=0.3)
    assert function.latency_ms.min / predict.latency_ms.min == pytest.approx(0.2, rel=0.3)
    reference = function.samples_ns.call
    assert half.speedup == timing.speed_ratio(reference, half.samples_ns.call, half.samples_ns.process).value
    assert half.latency_ms.p50 >= 1.0 and half.latency_ms.runs == 12
    assert half.end_to_end_ms.p50 > half.latency_ms.p50 > half.latency_ms.min
    assert len(half.samples_ns.call) == 12 and half.device == "cpu" and half.runtime == "lookup 1.0"

    assert (function.top1, function.verdict, function.delta_pp) == (1.0, "baseline", 0.0)
    assert predict.shares_accuracy_with == "float.keras (function)" and function.shares_accuracy_with is None
    assert half.top1 == 1.0 and half.agreement == 1.0
    second = pixels_of(split)[:, 0, 1, 0]
    wrong = int((second < 64).sum())
    assert poor.top1 == pytest.approx(1 - wrong / 600) and poor.lost == wrong and poor.gained == 0
    assert poor.delta_pp == pytest.approx(-100 * wrong / 600) and poor.verdict == "worse"
    assert {flip.image for flip in poor.flips} == set(np.flatnonzero(second < 64)[:500].tolist())
    assert sum(map(sum, poor.confusion)) == 600


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        pytest.param("refuse", "lookup: refused on purpose", id="cannot be opened"),
        pytest.param("crash", "killed by SIGSEGV", id="crashes its process"),
        pytest.param("exit", "ended with exit code 3", id="ends its process"),
        pytest.param("hang", "gave no answer within 3 s", id="hangs"),
        pytest.param("nan", "gives NaN or infinity for image 0", id="NaN"),
    ],
)
def test_a_failing_candidate_keeps_its_reason_and_the_others_finish(split, lookup, misbehave, reason):
    candidates = [lookup("bad.tflite", misbehave=misbehave), lookup("good.tflite")]
    document = benchmark(candidates, split, facts(split), replace(QUICK, time_limit_s=3))
    bad, good = document.rows
    assert reason in bad.error
    assert bad.top1 is None and bad.latency_ms is None and bad.images == 0
    assert good.error is None and good.top1 == 1.0 and good.latency_ms.runs == 4


def test_a_crash_while_timed_keeps_the_accuracy_but_no_latency(split, lookup):
    # 2 calls of opening, 3 blocks of 250 images, then the warm-up.
    candidates = [lookup("late.tflite", misbehave="crash", good_calls=5), lookup("good.tflite")]
    late, good = benchmark(candidates, split, facts(split), QUICK).rows
    assert "killed by SIGSEGV while asked to warm_up" in late.error
    assert late.top1 == 1.0 and late.latency_ms is None and late.samples_ns is None
    assert good.error is None and good.latency_ms.runs == 4


def test_another_number_of_classes_is_an_error(split, lookup):
    document = benchmark([lookup("seven.tflite", classes=7)], split, facts(split), QUICK)
    assert document.rows[0].error == "it has 7 classes, the data 4"


def test_images_of_another_size_are_an_error(lookup):
    split = ArraySplit(np.zeros((5, 8, 8, 1), np.uint8), np.zeros(5, np.int64))
    document = benchmark([lookup("small.tflite")], split, facts(split), QUICK)
    assert document.rows[0].error == "it takes images (4, 4, 1), the data's are (8, 8, 1)"


def test_without_keras_nothing_is_compared_and_a_note_says_so(split, lookup):
    document = benchmark([lookup("alone.tflite")], split, facts(split), QUICK)
    (row,) = document.rows
    assert row.top1 == 1.0 and row.latency_ms.p50 > 0
    assert [row.delta_pp, row.agreement, row.verdict, row.speedup, row.speedup_low] == [None] * 5
    assert any("no float Keras baseline" in note for note in document.notes)


def test_a_way_of_calling_that_gives_other_answers_is_an_error(split, lookup):
    shared = {"format": "keras", "sha256": "0" * 64}
    candidates = [
        lookup("float.keras", mode="predict", wrong_below=128, **shared),
        lookup("float.keras", mode="function", **shared),
    ]
    document = benchmark(candidates, split, facts(split), QUICK, baseline="float.keras")
    assert "differ by 0.8" in document.rows[0].error and document.rows[1].error is None


@pytest.mark.parametrize("cores", [1, 3])
def test_the_images_of_a_slow_file_are_shared_out_over_the_cores(split, lookup, monkeypatch, cores):
    """With more processes the answers are the same, in the same order."""
    started = []

    class CountedProcess(process.WorkerProcess):
        def __init__(self, *arguments):
            started.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(classify, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(plan, "cores", lambda: cores)
    monkeypatch.setattr(classify, "WorkerProcess", CountedProcess)
    candidates = [lookup("slow.tflite", free_batch=False, microseconds=100, wrong_below=64), lookup("fast.onnx")]
    slow, fast = benchmark(candidates, split, facts(split), QUICK).rows
    assert len(started) == cores - 1
    assert slow.top1 == pytest.approx((pixels_of(split)[:, 0, 1, 0] >= 64).mean()) and fast.top1 == 1.0


def test_a_file_of_many_milliseconds_is_not_given_up_for_its_silence(split, lookup):
    """600 images of 20 ms are 12 s; as blocks of 250 images they would be 5 s of silence, more than the 4 s granted."""
    patient = replace(QUICK, time_limit_s=4)
    (row,) = benchmark(
        [lookup("slow.tflite", free_batch=False, microseconds=20_000)], split, facts(split), patient
    ).rows
    assert row.error is None and row.top1 == 1.0
    assert [images_at_once(image_s) for image_s in (1e-5, 0.01, 0.5, 30)] == [250, 200, 4, 1]


def test_a_helper_that_fails_fails_its_row(split, lookup, monkeypatch):
    monkeypatch.setattr(classify, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(plan, "cores", lambda: 2)
    # Each of two processes classifies 300 images, one by one, and gives up after 200.
    bad = lookup("bad.tflite", free_batch=False, misbehave="exit", good_calls=200)
    document = benchmark([bad, lookup("good.tflite")], split, facts(split), QUICK)
    assert "ended with exit code 3" in document.rows[0].error and document.rows[0].top1 is None
    assert document.rows[1].error is None


def test_a_single_start_gives_no_interval_and_a_note_says_so(split, lookup):
    keras = lookup("float.keras", format="keras", mode="call")
    document = benchmark([keras, lookup("x.tflite")], split, facts(split), QUICK, baseline="float.keras")
    row = document.rows[1]
    assert row.speedup > 0 and row.speedup_low is None and row.speedup_high is None
    assert "Speed-ups have no interval: that takes at least 12 timed calls (--num-runs)." in document.notes
    assert "At most 4 timed calls per row instead of 200 (--num-runs)." in document.notes


def test_ctrl_c_keeps_what_was_measured(split, lookup):
    """The signal comes while the rounds are timed: accuracy and the finished rounds stay, no worker is
    left."""
    started, others = [], set(psutil.Process().children())  # other tests' children may wait to be reaped

    def interrupt(stage, done, total):
        if stage == "timing round" and done == 3 and not started:
            started.append(threading.Thread(target=lambda: (time.sleep(0.2), os.kill(os.getpid(), signal.SIGINT))))
            started[0].start()

    candidates = [lookup("slow.tflite", microseconds=30_000), lookup("fast.tflite")]
    document = benchmark(candidates, split, facts(split), replace(QUICK, num_runs=400), progress=interrupt)
    started[0].join()
    assert document.interrupted and any("interrupted" in note for note in document.notes)
    slow, fast = document.rows
    assert slow.top1 == fast.top1 == 1.0
    assert 3 <= len(fast.samples_ns.call) == len(slow.samples_ns.call) < 20
    assert set(psutil.Process().children()) <= others


def test_ctrl_c_before_a_file_was_classified_leaves_a_reason(split, lookup):
    def interrupt(stage, done, total):
        if stage.startswith("classify slow"):
            raise KeyboardInterrupt

    candidates = [lookup("slow.tflite")]
    document = benchmark(candidates, split, facts(split), QUICK, progress=interrupt)
    assert document.interrupted
    assert document.rows[0].error == "interrupted before it was classified"


def test_the_request_is_checked_first(split, lookup):
    with pytest.raises(UsageError, match="nothing to measure"):
        benchmark([], split, facts(split), QUICK)
    with pytest.raises(UsageError, match=r"baseline x\.keras is not among the Keras files: none"):
        benchmark([lookup("a.tflite")], split, facts(split), QUICK, baseline="x.keras")
    with pytest.raises(UsageError, match="no test images"):
        benchmark([lookup("a.tflite")], split.take(np.arange(0)), facts(split), QUICK)
    with pytest.raises(ValueError, match="num_runs is 0, expected at least 1"):
        benchmark([lookup("a.tflite")], split, facts(split), replace(QUICK, num_runs=0))


def test_real_files_on_real_runtimes(model_folder, tmp_path):
    """LiteRT and ONNX Runtime give the same accuracy as the very network computed in numpy."""
    (tmp_path / "text.tflite").write_text("not a model")
    test = ArraySplit(*digits("test"))
    candidates = candidates_for([model_folder, tmp_path / "text.tflite"])
    document = benchmark(candidates, test, facts(test, DIGITS), QUICK)
    rows = by_file(document)
    expected = _accuracy_in_numpy(model_folder, test)
    # float32 sums in another order change a logit by 1e-5 at most: no digit of these 500 is that close to a
    # tie.
    assert rows["digits_float32.tflite"].top1 == rows["digits_float32.onnx"].top1 == expected
    # int8 steps of 1/256 may turn a few near ties: allow 1 % of the images.
    assert rows["digits_int8.tflite"].top1 == pytest.approx(expected, abs=0.01)
    assert rows["digits_int8.tflite"].precision == "int8" and rows["digits_int8.tflite"].ece is not None
    assert "LiteRT" in rows["digits_int8.tflite"].runtime and "ONNX" in rows["digits_float32.onnx"].runtime
    assert rows["digits_float32.onnx"].load_ms > 0 and rows["digits_float32.onnx"].first_ms > 0
    # A 31 kB file: a few MB of buffers, and nowhere near the 50 MB of the runtime itself.
    assert 0 < rows["digits_float32.tflite"].peak_rss_mb < 40
    assert "not a TFLite file" in rows["text.tflite"].error or "tflite" in rows["text.tflite"].error.lower()
    document.write(tmp_path / "benchmark.json")
    assert read_document(tmp_path / "benchmark.json") == document


def _accuracy_in_numpy(folder, test) -> float:
    import keras

    kernel, bias = keras.models.load_model(folder / "digits.keras").layers[-1].get_weights()
    scores = pixels_of(test).reshape(len(test), -1).astype(np.float64) / 255 @ kernel + bias
    return float((scores.argmax(axis=1) == test.labels).mean())
