"""Phones' rows beside a benchmark's: whose they become, what is said of them, and what is refused."""

from dataclasses import replace

import pytest

from cnnedge.documents import (
    BrowserRow,
    BrowserRun,
    Curve,
    Latency,
    SelfCheck,
    read_documents,
    split_runs,
    window_seconds,
    with_runs,
)
from cnnedge.errors import DataError, UsageError
from cnnedge.report import pages, table
from tests.support import documents


def run_of(
    document, device: str = "Pixel", *, same: int = 8, p50: float = 3.0, curve: Curve | None = None
) -> BrowserRun:
    """A phone that ran the int8 TFLite file of ``document``."""
    row = BrowserRow(
        file="renamed.tflite", sha256="net_int8.tflite", runtime="LiteRT.js 2.5.3", load_ms=1.0, first_ms=2.0,
        latency_ms=Latency(p50, 4.0, 5.0, 2.0, 3.0, 200), calls_per_reading=1, clock_step_ms=0.1,
        check=SelfCheck(8, same, 0.0 if same == 8 else 0.25, 0.0), sustained=curve, error=None,
    )  # fmt: skip
    return BrowserRun(
        schema=2, kind="browser", id="0" * 16, device=device, user_agent="Mozilla/5.0", cores=8,
        at="2026-01-01T00:00:00+00:00", cnnedge="0.1.0", rows=[row],
    )  # fmt: skip


@pytest.fixture
def host(tmp_path):
    document = documents.document()
    document.write(tmp_path / "benchmark.json")
    return document


def test_its_rows_come_beside_the_benchmarks_and_once(host, tmp_path):
    run_of(host).write(tmp_path / "pixel.json")
    run_of(host, "iPad", same=7).write(tmp_path / "ipad.json")
    first, *others = read_documents([tmp_path / "benchmark.json", tmp_path / "pixel.json", tmp_path / "ipad.json"])
    assert others == []
    assert [row.label for row in first.rows[len(host.rows) :]] == [
        "net_int8.tflite (in a browser: Pixel)",
        "net_int8.tflite (in a browser: iPad)",
    ]
    assert first.notes[len(host.notes) :] == [
        "net_int8.tflite (in a browser: iPad): 1 of 8 answers differ from Python's, by up to 0.25 of a probability"
    ]
    own, same = first.rows[len(host.rows)], next(row for row in host.rows if row.file == "net_int8.tflite")
    assert (own.device, own.p50_ms, own.top1, own.size_bytes) == ("browser", 3.0, None, same.size_bytes)
    assert "Pixel: Mozilla/5.0, as its browser says." in table.footnotes(first)
    assert own.runtime == "LiteRT.js 2.5.3, in a browser" and own.browser.is_right and own.browser.tolerance == 0
    first.write(tmp_path / "merged.json")
    run_of(host, p50=2.5).write(tmp_path / "pixel.json")
    again = read_documents([tmp_path / "merged.json", tmp_path / "pixel.json"])[0]
    assert [row.p50_ms for row in again.rows if row.browser] == [3.0, 2.5]
    assert len(again.rows) == len(first.rows) and again.notes == first.notes


def test_a_minute_without_a_pause_is_shown_though_the_benchmark_had_none(host):
    seconds = [float(second) for second in range(60)]
    p50 = [1.0] * 30 + [1.25] * 30
    document = with_runs(host, [run_of(host, curve=Curve(seconds, p50, [2 * ms for ms in p50], 5000))])
    sustained = document.rows[-1].sustained
    assert (sustained.retention, sustained.change, sustained.slowed) == (0.8, 0.25, True)
    assert table.sustained_rows(host) == []
    heading, line = table.sustained_rows(document)
    assert heading == ["file", "first 30 s, ms", "last 30 s, ms", "change", "speed kept"]
    assert line == ["net_int8.tflite (in a browser: Pixel)", "1.00", "1.25", "+25.0 %", "80 %"]
    html = pages.render(document)
    assert "latency under sustained load" in html and "+25.0 %" in html


def test_a_shorter_time_is_compared_by_halves():
    assert window_seconds([0.0, 3.0]) == 1.5
    assert window_seconds([0.0, 600.0]) == 30
    alone = Curve([0.0], [1.5], [2.0], 100).judged(window_seconds([0.0]))
    assert (alone.first_ms, alone.last_ms, alone.retention, alone.slowed) == (1.5, 1.5, 1.0, False)


def test_it_needs_a_benchmark_of_the_same_files(host, tmp_path):
    run = run_of(host)
    run.write(tmp_path / "pixel.json")
    with pytest.raises(UsageError, match=r"pixel\.json was measured in a browser and is shown beside a benchmark"):
        read_documents([tmp_path / "pixel.json"])
    replace(run, rows=[replace(run.rows[0], sha256="other")]).write(tmp_path / "pixel.json")
    with pytest.raises(UsageError, match=r"pixel\.json measured none of these files"):
        read_documents([tmp_path / "benchmark.json", tmp_path / "pixel.json"])


def test_a_damaged_one_is_said(host, tmp_path):
    (tmp_path / "pixel.json").write_text('{"kind": "browser", "schema": 2}')
    with pytest.raises(DataError, match=r"pixel\.json is damaged \(id is missing\): measure on the phone again"):
        read_documents([tmp_path / "benchmark.json", tmp_path / "pixel.json"])


def test_the_paths_of_a_benchmark_are_told_apart(host, tmp_path):
    run = run_of(host)
    run.write(tmp_path / "pixel.json")
    model = tmp_path / "net.tflite"
    assert split_runs([model, tmp_path / "pixel.json"]) == ([run], [model])
    with pytest.raises(UsageError, match="nothing to measure here: name exported files"):
        split_runs([tmp_path / "pixel.json"])
    with pytest.raises(DataError, match=r"benchmark\.json is not what a phone measured"):
        split_runs([model, tmp_path / "benchmark.json"])
