"""Images a second: real processes of runners whose speed is known, and the best setting of written figures."""

from dataclasses import replace

import pytest

from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.documents import Throughput, best_setting, efficiency
from cnnedge.report import pages, plots, table
from cnnedge.report.throughput_table import throughput_rows
from tests.support import documents
from tests.support.lookup_runners import facts


def test_a_free_batch_is_measured_with_batches_and_named_as_best(split, lookup, tmp_path):
    """A call takes 2 ms however many images: 32 images a call are many times as many a second."""
    plan = Plan(num_runs=4, warmup_runs=1, throughput=True)
    candidates = [
        lookup("free.tflite", microseconds=2000, source="x"),
        lookup("single.tflite", microseconds=2000, source="x", free_batch=False),
    ]
    document = benchmark(candidates, split, facts(split), plan)
    free, single = document.rows
    assert [(one.threads, one.batch) for one in free.throughput] == [(t, b) for t in (1, 2, 4) for b in (1, 8, 32)]
    assert [(one.threads, one.batch) for one in single.throughput] == [(1, 1), (2, 1), (4, 1)]
    # 2 ms a call are at most 500 images a second; other work on the machine makes it fewer.
    assert all(0 < one.images_per_s <= one.batch * 500 for one in free.throughput)
    assert best_setting(free.throughput).batch > 1
    assert "--throughput" in pages.render(document) and "Scaling" in pages.render(document)


def settings():
    """Two threads gain half in every round; four are once slower than two."""
    return [
        Throughput(1, 1, [100, 100, 110, 90, 100]),
        Throughput(2, 1, [150, 150, 165, 135, 150]),
        Throughput(4, 1, [170, 170, 170, 134, 170]),
    ]


def test_the_best_setting_must_be_faster_in_every_round():
    found = settings()
    assert best_setting(found) is found[1] and str(found[1]) == "2 x 1"
    assert str(Throughput(1, 32, [1])) == "1 x 32"
    assert [efficiency(one, found) for one in found] == [1, 0.75, pytest.approx(170 / 400)]
    assert efficiency(Throughput(2, 8, [1]), found) is None


def test_the_table_and_the_drawing():
    document = documents.document()
    assert throughput_rows(document) == []
    rows = [replace(row, throughput=settings()) if row.format == "tflite" else row for row in document.rows]
    document = replace(document, rows=rows)
    headings, first, _ = throughput_rows(document)
    assert headings == ["file", "1 thread", "2 threads", "4 threads", "best", "images/s"]
    assert first == ["net_float32.tflite", "100", "150 (75%)", "170 (42%)", "2 x 1", "150"]
    assert "| net_float32.tflite | 100 | 150 (75%) |" in table.markdown(document)
    svg = plots.scaling(document.rows)
    assert "efficiency in %" in svg and "tflite int8" in svg
