"""The Pareto chart: accuracy against bytes, work and latency, of our files and of others measured in the same run,
and of published networks, which are quoted and marked so."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.documents import Document, Row, Work
from cnnedge.errors import DataError
from cnnedge.files import write_atomically
from cnnedge.formats.model_file import open_model_file
from cnnedge.names import ExportName
from cnnedge.records import known
from cnnedge.report.literature import ANCHOR_NAMES, CIFAR10, Published
from cnnedge.report.pages import environment, require_report_packages
from cnnedge.report.plots import error_bar, label_on_the_right, pareto_front, plain_log_ticks
from cnnedge.report.style import ACCENT, COLOURS, INK, legend, new_figure, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, ANCHORS, QUOTED = "ours", "others, same run", "quoted"
_COLOURS = {OURS: COLOURS["tflite"], ANCHORS: COLOURS["onnx"], QUOTED: COLOURS["keras"]}
# Inches: wider than the report's plots, for the names beside them and the numbers in them.
WIDTH = 5.6
# A number stands left of its diamond if there is another so close on the right: decades, and points of top-1.
CROWDED = (0.08, 0.3)
_AXES = {
    "bytes": "file size in kB (quoted: one byte per parameter)",
    "macs": "million multiply-accumulates for one image",
    "latency": "one image, median in ms",
}


def with_work(document: Document, files: Sequence[Path], anchors: Sequence[Path]) -> Document:
    """The benchmark ``document`` with each file's multiply-accumulates, and which files are the ``anchors``."""
    macs = {path.name: open_model_file(path).facts.macs for path in (*files, *anchors)}
    return dataclasses.replace(document, pareto=Work(macs, [path.name for path in anchors]))


def write_pareto(path: Path, document: Document) -> None:
    """Write the page with the three charts and the tables behind them; for CIFAR-10, with published networks.

    Raises:
        MissingPackageError: matplotlib or jinja2 is not installed.
        DataError: the document is a benchmark's without the work of its files.
    """
    require_report_packages()
    if document.pareto is None:
        raise DataError("the benchmark has no field 'pareto': measure with scripts/pareto.py")
    from markupsafe import Markup

    published = CIFAR10 if document.data.name == "cifar10" else ()
    rows = [row for row in document.rows if not row.error]
    figures = [
        ("Accuracy against size", draw(document, published, "bytes")),
        ("Accuracy against work", draw(document, published, "macs")),
        ("Accuracy against latency", draw(document, published, "latency")),
    ]
    page = environment().get_template("pareto.html").render(
        document=document,
        title=f"{document.data.name}: accuracy against size, work and latency",
        figures=[{"heading": heading, "svg": Markup(svg)} for heading, svg in figures],
        rows=[{"row": row, "name": _name(row), "macs": known(document.pareto).macs[row.file],
               "group": _group(row, document)} for row in rows],
        failed=[(row.file, row.error) for row in document.rows if row.error],
        published=published,
    )  # fmt: skip
    write_atomically(path, page.encode())


def draw(document: Document, published: Sequence[Published], quantity: str) -> str:
    """One chart as SVG: top-1 against ``bytes``, ``macs`` or ``latency``; published networks have no latency."""
    rows = [row for row in document.rows if not row.error and _cost(row, document, quantity) is not None]
    points = [(_cost(row, document, quantity), known(row.top1)) for row in rows]
    colours = [_COLOURS[_group(row, document)] for row in rows]
    figure, (axes,) = new_figure(4.2)
    figure.set_figwidth(WIDTH)
    for (cost, right), row, colour in zip(points, rows, colours, strict=True):
        fill = "none" if row.precision == "float32" else colour
        axes.errorbar(cost, 100 * right, yerr=error_bar(row), fmt="o", ms=5, lw=1, color=colour, mfc=fill)
    _draw_front(axes, points)
    if quantity != "latency":
        _draw_published(axes, published, quantity)
    axes.set_xscale("log")
    axes.margins(x=0.08)
    plain_log_ticks(axes)
    axes.set_xlabel(_AXES[quantity])
    axes.set_ylabel("top-1 in %")
    named = zip(points, rows, colours, strict=True)
    label_on_the_right(axes, [(cost, 100 * right, _name(row), colour) for (cost, right), row, colour in named])
    _draw_legend(axes, quoted=quantity != "latency")
    return to_svg(figure, f"top-1 accuracy against {quantity}, with others")


def _draw_front(axes: "Axes", points: list[tuple[float, float]]) -> None:
    """A line through the measured files that no other measured file beats in both."""
    front = pareto_front(points)
    axes.plot(
        [cost for cost, _ in front], [100 * right for _, right in front], drawstyle="steps-post", color=ACCENT, lw=1,
        zorder=0,
    )  # fmt: skip


def _draw_published(axes: "Axes", published: Sequence[Published], quantity: str) -> None:
    """Hollow diamonds with the numbers of the table."""
    costs = [one.parameters / 1000 if quantity == "bytes" else one.macs / 1e6 for one in published]
    points = [(cost, 100 * one.top1) for cost, one in zip(costs, published, strict=True)]
    for number, (cost, right) in enumerate(points, 1):
        crowded = any(
            0 < math.log10(other / cost) < CROWDED[0] and abs(height - right) < CROWDED[1] for other, height in points
        )
        axes.plot(cost, right, "D", ms=4, mfc="none", color=_COLOURS[QUOTED])
        axes.annotate(
            str(number), (cost, right), xytext=(-4 if crowded else 4, 0), textcoords="offset points", va="center",
            ha="right" if crowded else "left", fontsize=7, color=_COLOURS[QUOTED],
        )  # fmt: skip


def _draw_legend(axes: "Axes", *, quoted: bool) -> None:
    """What the colours and the shapes mean; the entries are points outside the axes."""
    entries = [("o", OURS, _COLOURS[OURS]), ("o", ANCHORS, _COLOURS[ANCHORS]), ("o", "float: hollow", "none")]
    entries += [("D", QUOTED, "none")] if quoted else []
    for marker, label, fill in entries:
        colour = _COLOURS.get(label, INK)
        axes.plot([], [], marker, ms=5, color=colour, mfc=fill, label=label)
    legend(
        axes, loc="upper center", bbox_to_anchor=(0.6, -0.16), ncols=len(entries), handletextpad=0.1, columnspacing=1
    )


def _cost(row: Row, document: Document, quantity: str) -> Any:
    """The row's kilobytes, million multiply-accumulates or milliseconds; None where it is not known."""
    if quantity == "bytes":
        return row.size_bytes / 1000
    if quantity == "macs":
        macs = known(document.pareto).macs[row.file]
        return None if macs is None else macs / 1e6
    return row.p50_ms


def _group(row: Row, document: Document) -> str:
    return ANCHORS if row.file in known(document.pareto).anchors else OURS


def _name(row: Row) -> str:
    """``cifar10 int8 qat``, or what another's file is known as."""
    file = str(row.file)
    name = ExportName.parse(file)
    if name is None or file in ANCHOR_NAMES:
        return ANCHOR_NAMES.get(file, file)
    words = (name.model, name.precision, "qat" if name.qat else "", "onnx" if name.format == "onnx" else "")
    return " ".join(word for word in words if word)
