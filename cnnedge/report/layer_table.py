"""Time per layer as a table, for the terminal and the report."""

from collections.abc import Callable
from dataclasses import dataclass

from cnnedge.benchmark.layers import layer_sentences
from cnnedge.documents import Document, Layer, Row
from cnnedge.records import known
from cnnedge.report.figures import significant

COLUMNS: dict[str, Callable[[Layer], str]] = {
    "layer": lambda one: one.title,
    "ms": lambda one: _ms(one.ms),
    "%": lambda one: f"{100 * one.share:.1f}",
    "GMAC/s": lambda one: significant(one.gmacs_per_s),
    "kB": lambda one: "" if one.bytes is None else f"{one.bytes / 1000:,.1f}",
    "float ms": lambda one: _ms(one.float_ms),
    "runs on": lambda one: one.runs_on,
    "kernel": lambda one: one.kernel,
}
WORDS = ("layer", "runs on", "kernel")


@dataclass(frozen=True)
class LayerTable:
    """One file's layers: text for every column, and sentences about them."""

    label: str
    columns: list[str]
    rows: list[list[str]]
    sentences: list[str]
    words: tuple[str, ...] = WORDS

    @property
    def narrow_lines(self) -> list[list[str]]:
        """For a terminal: headings, the first of them the file, and a line per layer, without the kernel."""
        return [[self.label, *self.columns[1:-1]], *(cells[:-1] for cells in self.rows)]


def layer_tables(document: Document) -> list[LayerTable]:
    """The layers of every row that was profiled."""
    return [_table(row, row.layers) for row in document.rows if row.layers]


def _table(row: Row, layers: list[Layer]) -> LayerTable:
    cells = [[text(one) for text in COLUMNS.values()] for one in layers]
    return LayerTable(row.label, list(COLUMNS), cells, [*layer_sentences(row), _agreement(row)])


def _ms(value: float | None) -> str:
    """To 0.1 µs: means of some hundred whole microseconds."""
    return "" if value is None else f"{value:.4f}"


def _agreement(row: Row) -> str:
    checked = known(row.profile)
    word = "within" if checked.agrees else "not within"
    return (
        f"Its operators take {checked.sum_ms:.3g} ms together: {word} {checked.bound_ms:.2g} ms of an unprofiled call, "
        f"{checked.call_ms:.3g} ms in the same process; the profiler adds {checked.cost_ms:.2g} ms a call."
    )
