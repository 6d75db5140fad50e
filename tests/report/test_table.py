import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from cnnedge.documents import Nodes
from cnnedge.report import table
from tests.support import documents


def printed(width: int, **options) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table.rich_table(documents.document(), **options))
    return console.file.getvalue().splitlines()


def test_the_table_fits_80_columns_and_shows_every_row():
    lines = printed(80)
    assert max(map(len, lines)) <= 80
    assert [word for line in lines for word in line.split() if "net_" in word] == [
        row.file for row in documents.document().rows
    ]
    assert lines[1].split() == ["file", "kB", "top-1", "%", "Δ", "pp", "verdict", "p50", "ms", "p90", "ms", "speed-up"]
    int8 = next(line for line in lines if "net_int8.tflite" in line)
    assert int8.split() == ["net_int8.tflite", "120", "96.63", "-0.03", "equal", "1.30", "1.32", "1.54x"]
    assert next(line for line in lines if "broken" in line).split() == ["net_broken.onnx", "120", "failed"]


def test_a_terminal_without_unicode_gets_ascii_words():
    assert "diff pp" in printed(80, unicode=False)[1]


def test_a_speed_without_a_shown_difference_is_marked():
    same = documents.document(
        documents.measurement("net.keras", 1, 10, mode="function"), documents.measurement("net_int8.onnx", 1.01, 10)
    )
    assert table.speed_text(same.rows[1]) == "0.99x ~" and table.speed_text(same.rows[0]) == "1.00x"


def test_markdown_holds_the_table_and_the_footnotes():
    text = table.markdown(documents.document())
    assert "| file | kB | top-1 % | Δ pp | verdict | p50 ms | p90 ms | speed-up |" in text
    assert "| net_int8.tflite | 120 | 96.63 | -0.03 | equal | 1.30 | 1.32 | 1.54x |" in text
    assert "against the fastest call of Keras (function)" in text
    assert "failed: net_broken.onnx: its process was killed by SIGSEGV" in text


def test_csv_holds_every_figure():
    rows = list(csv.DictReader(io.StringIO(table.csv_text(documents.document()))))
    assert [row["file"] for row in rows] == [row.file for row in documents.document().rows]
    int8 = next(row for row in rows if row["file"] == "net_int8.tflite")
    assert float(int8["top1"]) == pytest.approx(1 - 101 / documents.IMAGES)
    assert float(int8["p50_ms"]) == pytest.approx(1.3, rel=0.01) and int8["runs"] == "200"
    assert rows[-1]["error"] and rows[-1]["top1"] == ""


def test_wide_adds_cold_start_and_memory():
    lines = printed(110, wide=True)
    assert lines[1].split()[-5:] == ["speed-up", "cold", "ms", "MB", "delegated"] and max(map(len, lines)) <= 110
    int8 = next(line for line in lines if "net_int8.tflite" in line)
    assert int8.split()[-2:] == ["7.00", "9.00"]  # loaded in 5 ms, first call 2 ms


def test_a_delegate_that_took_a_part_is_named():
    document = documents.document()
    rows = [replace(row, nodes=Nodes(11, 14) if row.precision == "int8" else Nodes(9, 9)) for row in document.rows]
    text = table.markdown(replace(document, rows=rows), wide=True)
    assert "| 11 of 14 |" in text and "| 9 of 9 |" in text
    assert (
        "nodes on XNNPACK's fast kernels, where not all: net_int8.tflite 11 of 14, net_int8_qat.onnx 11 of 14." in text
    )
