"""Sustained load with real worker processes, and what is said of it."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from cnnedge.benchmark import sustained
from cnnedge.benchmark.measurement import Circumstances, Measurement, Turn
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.machine.hardware import Sensors
from cnnedge.report import pages, plots, summary, table
from tests.support import documents
from tests.support.lookup_runners import facts

QUICK = Plan(num_runs=4, warmup_runs=1)


def test_all_files_are_kept_busy_in_turn(split, lookup):
    candidates = [lookup("slow.tflite", microseconds=2000), lookup("fast.tflite", microseconds=100)]
    document = benchmark(candidates, split, facts(split), replace(QUICK, sustained_s=3))
    load = document.sustained
    assert load.minutes == 0.05 and 1.5 < load.seconds <= 3.5
    assert len(load.at_s) == len(load.temperature_c) == len(load.mhz) == len(load.throttled)
    for row, microseconds in zip(document.rows, (2000, 100), strict=True):
        curve = row.sustained
        assert row.latency_ms.runs == 4  # the rounds came first
        assert sustained.LEAST_TURNS - 1 <= len(curve.at_s) == len(curve.p50_ms) == len(curve.p90_ms)
        # The lookup costs some microseconds of numpy besides; a busy machine makes it slower, never faster.
        assert min(curve.p50_ms) >= microseconds / 1000
        # A turn is 3 s / (4 turns * 2 files) = 0.375 s of calls; half of it may be lost to other work.
        assert curve.runs >= 0.5 * len(curve.at_s) * 0.375e6 / (2 * microseconds)
        assert curve.change == pytest.approx(curve.last_ms / curve.first_ms - 1, abs=1e-4)
    slow, fast = (row.sustained.at_s for row in document.rows)
    assert all(before < after for before, after in zip(slow, fast, strict=False)), "they take turns"


def test_ctrl_c_keeps_the_load_so_far(split, lookup):
    started = []

    def interrupt(stage, done, total):
        if stage.startswith("sustained load") and not started:
            started.append(threading.Thread(target=lambda: (time.sleep(2.5), os.kill(os.getpid(), signal.SIGINT))))
            started[0].start()

    document = benchmark(
        [lookup("x.tflite")], split, facts(split), replace(QUICK, sustained_s=300), progress=interrupt
    )  # fmt: skip
    started[0].join()
    (row,) = document.rows
    assert document.interrupted and row.error is None and row.latency_ms.runs == 4
    assert 1 <= len(row.sustained.at_s) <= 3 and document.sustained.seconds < 5


def test_a_crash_under_load_keeps_the_latency_of_the_rounds(split, lookup):
    # 2 calls of opening, 3 blocks of images, the warm-up of 0.3 s and the rounds; at 5 ms a call that is about 90.
    bad = lookup("bad.tflite", microseconds=5000, misbehave="crash", good_calls=150)
    row, good = benchmark([bad, lookup("good.tflite")], split, facts(split), replace(QUICK, sustained_s=6)).rows
    assert "killed by SIGSEGV while asked to sustain" in row.error
    assert row.latency_ms.runs == 4 and good.error is None and good.sustained.runs > 0


def points(p50_ms):
    return [Turn(float(at), 1e6 * p50, 2e6 * p50, 10) for at, p50 in enumerate(p50_ms)]


@pytest.mark.parametrize(
    ("p50_ms", "change", "slowed"),
    [
        pytest.param([1.0] * 60 + [1.1] * 60 + [1.3] * 60, 0.3, True, id="heats up"),
        pytest.param([1.0] * 60 + [1.2] * 60 + [1.05] * 60, 0.05, False, id="within 10 %"),
        pytest.param([1.0, 1.4] * 30 + [1.2] * 60 + [1.0, 1.4, 1.4] * 20, 0.17, False, id="comes and goes"),
        pytest.param([1.3] * 60 + [1.1] * 60 + [1.0] * 60, -0.23, False, id="faster"),
    ],
)
def test_the_first_minute_is_compared_with_the_last(p50_ms, change, slowed):
    one = Measurement(documents.measurement("net_int8.tflite", 1, 0).candidate, sustained=points(p50_ms))
    found = sustained.row_figures(one, window_s=60)
    assert found.change == pytest.approx(change, abs=0.01) and found.slowed is slowed
    assert found.retention == pytest.approx(1 / (1 + change), abs=0.01)
    assert found.runs == 1800 and found.p90_ms[0] == 2 * found.p50_ms[0]


def heated_document():
    """Three minutes in which the board heats up and throttles from second 100 on."""
    document = documents.document()
    circumstances = Circumstances(
        sensors=[
            (float(at), Sensors(temperature_c=50 + at / 6, mhz=1800 if at < 100 else 1200, throttled=at >= 100))
            for at in range(0, 181, 2)
        ]
    )
    load = sustained.document_figures(Plan(sustained_s=180), circumstances)
    one = Measurement(documents.measurement("x.tflite", 1, 0).candidate, sustained=points([1] * 100 + [1.4] * 80))
    curve = sustained.row_figures(one, load.window_s)
    rows = [replace(row, sustained=curve) if index in (2, 3, 4) else row for index, row in enumerate(document.rows)]
    return replace(document, sustained=load, rows=rows)


def test_the_heat_is_told_in_words_and_in_a_table():
    document = heated_document()
    assert summary.sustained_sentences(document) == [
        "sustained load: 3 minutes, all files in turn without a pause.",
        "temperature: 50 °C at first, 80 °C at last, between 50 and 80 °C.",
        "clock: 1800 MHz at first, 1200 MHz at last, between 1200 and 1800 MHz.",
        "the board throttled itself from second 100 on.",
    ]
    headings, first, *_ = table.sustained_rows(document)
    assert headings == ["file", "first 30 s, ms", "last 30 s, ms", "change", "speed kept"]
    assert first == ["net_float32.tflite", "1.00", "1.40", "+40.0 %", "71 %"]
    assert "| net_float32.tflite | 1.00 | 1.40 | +40.0 % | 71 % |" in table.markdown(document)
    assert "sustained_change" in table.csv_text(document).splitlines()[0]
    untold = replace(document.sustained, temperature_c=[None] * len(document.sustained.at_s))
    sentences = summary.sustained_sentences(replace(document, sustained=untold))
    assert "temperature: this machine does not tell." in sentences


def test_the_report_draws_latency_temperature_and_clock():
    document = heated_document()
    svg = plots.sustained_load(document)
    for text in ("latency, % of first", "°C", "MHz", "minutes", "tflite int8"):
        assert text in svg, text
    html = pages.render(document)
    assert "Under sustained load" in html and "+40.0 %" in html and svg in html
    assert "Under sustained load" not in pages.render(documents.document())


def test_throttling_is_read_from_a_pis_firmware_or_counted_by_an_intel_cpu():
    """A reading counts as throttled too if events came since the one before."""
    events = (5, 5, 7, 7)
    readings = [(float(at), Sensors(60, 800, None, count)) for at, count in enumerate(events)]
    found = sustained.document_figures(Plan(sustained_s=4), Circumstances(sensors=readings))
    assert found.throttled == [False, False, True, False] and found.throttle_events == [0, 0, 2, 2]
    told = summary.sustained_sentences(replace(heated_document(), sustained=found))
    assert "the CPU counted 2 throttle events." in told
    untold = [(0.0, Sensors(None, None, None)), (1.0, Sensors(None, None, None))]
    found = sustained.document_figures(Plan(sustained_s=4), Circumstances(sensors=untold))
    assert found.throttled == found.throttle_events == [None, None]
    told = summary.sustained_sentences(replace(heated_document(), sustained=found))
    assert "throttling: this machine does not tell." in told
