"""The table, for the terminal, for Markdown and as CSV."""

import csv
import io
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.console import plain
from cnnedge.documents import Document, Row, several_machines, window_seconds
from cnnedge.report.changes import Change
from cnnedge.report.figures import significant
from cnnedge.report.foreign import WORDS as FOREIGN_WORDS
from cnnedge.report.foreign import ForeignRow, beside, foreign_rows
from cnnedge.report.layer_table import layer_tables
from cnnedge.report.summary import machine_sentences, sustained_sentences
from cnnedge.report.throughput_table import throughput_rows, throughput_sentences

if TYPE_CHECKING:
    from rich.table import Table

# How a verdict is said, where not by its own word.
VERDICTS = {"unclear": "too few"}
# Figures as text, in the order of the columns; an empty cell is a figure that was not measured.
COLUMNS: dict[str, Callable[[Row], str]] = {
    "file": lambda row: row.label,
    "kB": lambda row: f"{row.size_bytes / 1000:,.0f}",
    "top-1 %": lambda row: _number(row.top1, 100, 2),
    "Δ pp": lambda row: _signed(row.delta_pp) + " !" * row.is_great_loss,
    "verdict": lambda row: verdict_text(row),
    "p50 ms": lambda row: significant(row.p50_ms),
    "p90 ms": lambda row: significant(row.latency_ms.p90 if row.latency_ms else None),
    "speed-up": lambda row: speed_text(row),
}
# What --wide adds: from an unopened file to the first answer, and the memory above the bare runtime.
WIDE_COLUMNS: dict[str, Callable[[Row], str]] = {
    "cold ms": lambda row: significant(row.cold_start_ms),
    "MB": lambda row: significant(row.peak_rss_mb),
    "mJ": lambda row: significant(row.energy_mj),
    "delegated": lambda row: f"{row.nodes.delegated} of {row.nodes.total}" if row.nodes else "",
}
CSV_FIELDS = (
    "file", "mode", "format", "precision", "qat", "runtime", "device", "threads", "size_bytes", "images",
    "top1", "top1_low", "top1_high", "delta_pp", "delta_low_pp", "delta_high_pp", "agreement", "verdict",
    "mcnemar_p", "ece", "nll", "speedup", "speedup_low", "speedup_high", "load_ms", "first_ms", "peak_rss_mb",
    "energy_mj", "error",
)  # fmt: skip
CSV_LATENCIES = ("p50", "p90", "p99", "min", "mean", "runs")
CSV_SUSTAINED = ("first_ms", "last_ms", "change", "retention")


def verdict_text(row: Row) -> str:
    """The verdict against the baseline; of a row in a browser, whether its answers were Python's."""
    if row.error:
        return "failed"
    if row.browser is not None:
        return "same" if row.browser.is_right else "differs"
    return VERDICTS.get(row.verdict or "", row.verdict or "")


def speed_text(row: Row) -> str:
    """The speed-up as ``2.31x``; ``~`` stands behind it where no difference was shown."""
    if row.speedup is None:
        return ""
    mark = "" if row.difference_shown or row.is_fastest_keras else " ~"
    return f"{row.speedup:.2f}x{mark}"


def columns_of(rows: Sequence[Row], *, wide: bool) -> dict[str, Callable[[Row], str]]:
    """The columns of ``rows``; energy only where it was measured."""
    found = COLUMNS | WIDE_COLUMNS if wide else COLUMNS
    measured = any(row.energy_mj is not None for row in rows)
    return {name: text for name, text in found.items() if name != "mJ" or measured}


def rich_table(document: Document, *, unicode: bool = True, wide: bool = False) -> "Table":
    """The table as a terminal shows it; ten rows of ours fit 80 columns, with ``wide`` 110.

    ``unicode`` false: for a terminal or a pipe that cannot write the delta (rich replaces the lines by
    itself).
    """
    from rich.text import Text

    columns = columns_of(document.rows, wide=wide)
    headings = [name if unicode else name.replace("Δ", "diff") for name in columns]
    table = _empty_table(headings, left=("file", "verdict"))
    for row in document.rows:
        style = "red" if row.error or row.verdict == "worse" else ""
        table.add_row(*(Text(plain(cell(row))) for cell in columns.values()), style=style)
    return table


def machines_table(documents: Sequence[Document]) -> "Table":
    """p50 in ms of every file on every machine, numbered in the order of ``documents``."""
    from rich.text import Text

    table = _empty_table(["file", *(f"p50 ms on {number}" for number in range(1, len(documents) + 1))], left=("file",))
    for label, cells in several_machines(documents):
        table.add_row(Text(plain(label)), *(COLUMNS["p50 ms"](cell) if cell else "" for cell in cells))
    return table


def changes_table(found: Sequence[Change]) -> "Table":
    """p50 of two runs of the same files, and whether the second was shown to be slower or faster."""
    from rich.text import Text

    table = _empty_table(["file", "before, ms", "after, ms", "change", "verdict"], left=("file", "verdict"))
    for one in found:
        percent = "" if one.percent is None else f"{one.percent:+.1f} %"
        cells = one.label, significant(one.before_ms), significant(one.after_ms), percent, one.verdict
        table.add_row(*(Text(plain(cell)) for cell in cells), style="red" if one.verdict == "slower" else "")
    return table


def sustained_rows(document: Document) -> list[list[str]]:
    """The sustained load of each file: a line of headings, then one line per file; empty if there was none."""
    phones = [row.sustained for row in document.rows if row.sustained and row.browser]
    if not phones and document.sustained is None:
        return []
    windows = {_window(window_seconds(curve.at_s)) for curve in phones}
    windows |= {_window(document.sustained.window_s)} if document.sustained else set()
    window = f" {windows.pop()} s" if len(windows) == 1 else ""
    lines = [["file", f"first{window}, ms", f"last{window}, ms", "change", "speed kept"]]
    for row in document.rows:
        if row.sustained:
            first, last, change = row.sustained.first_ms, row.sustained.last_ms, row.sustained.change
            kept = f"{100 * first / last:.0f} %"
            lines.append([row.label, significant(first), significant(last), f"{100 * change:+.1f} %", kept])
    return lines


def _window(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def plain_table(lines: Sequence[Sequence[str]], left: Sequence[str] = ("file",)) -> "Table":
    """A line of headings and lines of cells as a terminal shows them; the columns ``left`` hold words."""
    from rich.text import Text

    headings, *rows = lines
    table = _empty_table(headings, left=left)
    for cells in rows:
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table


def _empty_table(headings: Sequence[str], left: Sequence[str]) -> "Table":
    """A table of figures, to the right, and of the words in the columns ``left``."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        words = heading in left
        table.add_column(heading, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    return table


def footnotes(document: Document) -> list[str]:
    """The lines under the table: what the columns mean, what failed, and what to mind."""
    data, settings = document.data, document.settings
    lines = [
        f"{data.images:,} test images of {data.name}; one image a call, {settings.threads} "
        f"thread{'s' if settings.threads > 1 else ''}; {document.machine.cpu}."
    ]
    fastest = next((row for row in document.rows if row.is_fastest_keras), None)
    if fastest is not None:
        lines.append(f"speed-up: against the fastest call of Keras ({fastest.mode}); ~ no difference shown.")
    lines += [*machine_sentences(document), *sustained_sentences(document)]
    lines += throughput_sentences(document)
    lines += [f"failed: {row.label}: {row.error}" for row in document.failed]
    return lines + [f"note: {note}" for note in document.notes]


def markdown(document: Document, *, wide: bool = False, foreign: Sequence[ForeignRow] = ()) -> str:
    """The table and its footnotes as Markdown, for a README."""
    columns = columns_of(document.rows, wide=wide)
    rows = [[cell(row) for cell in columns.values()] for row in document.rows]
    lines = _markdown_table([list(columns), *rows])
    if sustained := sustained_rows(document):
        lines += ["", *_markdown_table(sustained)]
    if throughput := throughput_rows(document):
        lines += ["", *_markdown_table(throughput)]
    if foreign:
        lines += ["", *_markdown_table(foreign_rows(beside(foreign, document)))]
    return "\n".join([*lines, "", *(f"{_escaped(line)}  " for line in footnotes(document))]) + "\n"


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first row is the heading; the first column words, the others figures."""
    lines = ["| " + " | ".join(map(_escaped, cells)) + " |" for cells in rows]
    return [lines[0], "|---|" + "---:|" * (len(rows[0]) - 1), *lines[1:]]


def csv_text(document: Document) -> str:
    """Every figure of every row as CSV, in the units of ``benchmark.json``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    latencies = [f"{name}_ms" if name != "runs" else name for name in CSV_LATENCIES]
    writer.writerow([*CSV_FIELDS, *latencies, *(f"sustained_{name}" for name in CSV_SUSTAINED)])
    for row in document.rows:
        parts = ((row, CSV_FIELDS), (row.latency_ms, CSV_LATENCIES), (row.sustained, CSV_SUSTAINED))
        writer.writerow([getattr(part, name, None) for part, names in parts for name in names])
    return stream.getvalue()


def _escaped(text: str) -> str:
    return plain(text).replace("|", "\\|").replace("<", "&lt;").replace("~", "\\~")


def _number(value: float | None, factor: float, digits: int) -> str:
    return "" if value is None else f"{factor * value:.{digits}f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def print_table(document: Document, *, wide: bool = False, foreign: Sequence[ForeignRow] = ()) -> None:
    """The benchmark's table and footnotes on standard output; it fits 80 columns, with ``wide`` 110."""
    from rich.console import Console

    encoding = (sys.stdout.encoding or "").lower()
    screen = Console(width=None if sys.stdout.isatty() else 110 if wide else 80, highlight=False)
    screen.print(rich_table(document, unicode=encoding.startswith("utf"), wide=wide))
    if lines := sustained_rows(document):
        screen.print(plain_table(lines))
    if lines := throughput_rows(document):
        screen.print(plain_table(lines, left=("file", "best")))
    if foreign:
        screen.print(plain_table(foreign_rows(beside(foreign, document)), left=FOREIGN_WORDS))
    for one in layer_tables(document):
        screen.print(plain_table(one.narrow_lines, left=(one.label, "runs on")))
        console.show(*one.sentences, "")
    console.show(*footnotes(document))
