"""The plots of the report, as SVG text that follows the page's colours and needs nothing from outside."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.documents import Document, Row, efficiency
from cnnedge.records import known
from cnnedge.report.style import ACCENT, COLOURS, INK, legend, new_figure, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Line styles that tell the files of one format apart.
LINES = ("-", "--", ":", "-.", "o-", "s--", "^:")
# The height of an 8-point line of text, as a fraction of the scatter plots' axes (about 2.7 inches).
LABEL_HEIGHT = 0.065
# Where the names begin, as a fraction of the axes' width.
LABEL_LEFT = 1.04


def accuracy_against(rows: Sequence[Row], quantity: str) -> str:
    """Top-1 accuracy with its 95 % interval against ``size`` (kB) or ``latency`` (p50, ms), and the Pareto
    front."""
    points = [(_quantity(row, quantity), row) for row in _distinct(rows, quantity)]
    labels = {id(row): row.short_label(rows) for row in rows}
    figure, (axes,) = new_figure(3.4)
    for value, row in points:
        axes.errorbar(value, 100 * known(row.top1), yerr=error_bar(row), fmt="o", ms=5, lw=1, color=COLOURS[row.format])
    front = pareto_front([(value, known(row.top1)) for value, row in points])
    costs, rights = [cost for cost, _ in front], [100 * right for _, right in front]
    axes.plot(costs, rights, "o-", drawstyle="steps-post", color=ACCENT, lw=1, ms=10, mfc="none", zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel("file size in kB" if quantity == "size" else "one image, median in ms")
    axes.set_ylabel("top-1 in %")
    plain_log_ticks(axes)
    named = [(value, 100 * known(row.top1), labels[id(row)], COLOURS[row.format]) for value, row in points]
    label_on_the_right(axes, named)
    return to_svg(figure, f"top-1 accuracy against {quantity}")


def error_bar(row: Row) -> list[list[float]]:
    """How far top-1 may lie below and above in its 95 % interval, in percent, as ``errorbar`` takes it."""
    top1, low, high = row.top1_interval
    return [[100 * (top1 - low)], [100 * (high - top1)]]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, accuracy) that no other point beats in both, by rising cost."""
    front: list[tuple[float, float]] = []
    for cost, right in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or right > front[-1][1]:
            front.append((cost, right))
    return front


def latency_distributions(rows: Sequence[Row]) -> str:
    """For each timed row: min to p99 as a line, the middle half as a bar, the median as a stroke."""
    timed = [row for row in rows if row.latency_ms and row.samples_ns]
    figure, (axes,) = new_figure(0.8 + 0.3 * len(timed))
    for height, row in enumerate(reversed(timed)):
        samples = np.concatenate(known(row.samples_ns).call) / 1e6
        low, lower, middle, upper, high = np.percentile(samples, (0, 25, 50, 75, 99))
        colour = COLOURS[row.format]
        axes.plot([low, high], [height, height], color=colour, lw=1)
        axes.barh(height, upper - lower, left=lower, height=0.5, color=colour, alpha=0.6)
        axes.plot([middle, middle], [height - 0.35, height + 0.35], color=INK, lw=1.5)
    axes.use_sticky_edges = False
    axes.set_yticks(range(len(timed)), [row.short_label(rows) for row in reversed(timed)])
    axes.set_xscale("log")
    axes.set_xlabel("one image, in ms")
    plain_log_ticks(axes)
    return to_svg(figure, "latency distributions")


def per_class_bars(rows: Sequence[Row], reference: Row, class_names: Sequence[str]) -> str:
    """Accuracy per class: bars for ``reference``, dots for the int8 files."""
    figure, (axes,) = new_figure(0.9 + 0.32 * len(class_names))
    heights = np.arange(len(class_names))[::-1]
    values = [100 * (value or 0) for value in known(reference.per_class)]
    axes.barh(heights, values, color="#8a8a8a", alpha=0.45, label=reference.short_label(rows))
    shown = [row for row in rows if row.per_class and row.precision == "int8" and row is not reference]
    for marker, row in zip("os^Dv<>", shown, strict=False):
        dots = [math.nan if value is None else 100 * value for value in known(row.per_class)]
        axes.plot(dots, heights, marker, ms=4, color=COLOURS[row.format], label=row.short_label(rows))
    axes.set_yticks(heights, class_names)
    shares = [100 * value for row in [reference, *shown] for value in row.per_class or [] if value is not None]
    axes.set_xlim(max(0, min(shares, default=0) - 5), 100.5)
    axes.set_xlabel("right, in % of the class's images")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.55 / figure.get_figheight() - 0.05), ncols=2)
    return to_svg(figure, "accuracy per class")


def training_curves(history: dict[str, list[float]]) -> str:
    """Accuracy by epoch, for the columns of history.csv whose name ends in ``accuracy``."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure(2.8)
    names = [name for name in history if name.endswith("accuracy")]
    for colour, name in zip((ACCENT, COLOURS["onnx"], COLOURS["tflite"]), names, strict=False):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(
            epochs,
            [100 * value for value in history[name]],
            color=colour,
            lw=1.3,
            label=name.replace("_", " "),
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy in %")
    legend(axes, loc="lower right")
    return to_svg(figure, "training curves")


def sustained_load(document: Document) -> str:
    """The latency of each file over the minutes, in % of its own at first; below it temperature and clock, where
    the machine tells."""
    load, curves = document.sustained, [(row, row.sustained) for row in document.rows if row.sustained]
    sensors: dict[str, Sequence[float | None]] = {"°C": load.temperature_c, "MHz": load.mhz} if load else {}
    told = {unit: values for unit, values in sensors.items() if any(value is not None for value in values)}
    figure, (axes, *below) = new_figure(2.4 + 1.1 * len(told), panels=1 + len(told))
    minutes = max(curve.at_s[-1] for _, curve in curves) >= 120
    scale = 60 if minutes else 1
    for style, (row, curve) in zip(itertools.cycle(LINES), curves):
        latency = 100 * np.array(curve.p50_ms) / curve.first_ms
        axes.plot(np.array(curve.at_s) / scale, latency, style, lw=1, ms=2.5, color=COLOURS[row.format],
                  label=row.short_label(document.rows))  # fmt: skip
    axes.set_ylabel("latency, % of first")
    for panel, (unit, values) in zip(below, told.items(), strict=True):
        readings = [math.nan if value is None else value for value in values]
        panel.plot(np.array(known(load).at_s) / scale, readings, color=ACCENT, lw=1.3)
        panel.set_ylabel(unit)
    [axes, *below][-1].set_xlabel("minutes" if minutes else "seconds")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8, labelcolor=INK)
    return to_svg(figure, "latency under sustained load")


def scaling(rows: Sequence[Row]) -> str:
    """The scaling efficiency of each file in %, against threads, with one image a call."""
    figure, (axes,) = new_figure(2.6)
    for style, row in zip(itertools.cycle(LINES), [row for row in rows if row.throughput]):
        found = known(row.throughput)
        points = [(one.threads, efficiency(one, found)) for one in found if one.batch == 1]
        threads, shares = [count for count, _ in points], [100 * (share or math.nan) for _, share in points]
        axes.plot(threads, shares, style, lw=1, ms=4, color=COLOURS[row.format], label=row.short_label(rows))
    axes.set_xticks(sorted({one.threads for row in rows for one in row.throughput or []}))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("threads")
    axes.set_ylabel("efficiency in %")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8, labelcolor=INK)
    return to_svg(figure, "scaling efficiency")


def _quantity(row: Row, quantity: str) -> float:
    return row.size_bytes / 1000 if quantity == "size" else known(row.p50_ms)


def _distinct(rows: Sequence[Row], quantity: str) -> list[Row]:
    """The rows that have both figures; by size, one Keras file is one point however it is called."""
    known = [row for row in rows if row.top1 is not None]
    if quantity == "latency":
        return [row for row in known if row.latency_ms]
    return list({(row.file, row.size_bytes): row for row in known}.values())


def plain_log_ticks(axes: "Axes") -> None:
    """Ticks as plain numbers (0.2, 5, 100) where a log axis would write powers of ten.

    More than two decades have room for one number each, fewer for three.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_xlim()
    subs = (1,) if high / low > 100 else (1, 2, 5)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def label_on_the_right(axes: "Axes", points: list[tuple[float, float, str, str]]) -> None:
    """Name each point (x, y, text, colour) at the right edge, near its height, with a thin line to it.

    Points of similar size and accuracy lie on top of each other; names in a column of their own never do.
    """
    ends = axes.transData.transform([(x, y) for x, y, _, _ in points])
    starts = axes.transAxes.inverted().transform(ends)
    heights = spread_apart(sorted(starts[:, 1].tolist()), LABEL_HEIGHT)
    for height, (x, y, text, colour) in zip(uncrossed(starts, heights), points, strict=True):
        axes.annotate(
            text, (x, y), xytext=(LABEL_LEFT, height), textcoords="axes fraction", va="center", fontsize=8,
            color=colour, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": colour, "alpha": 0.6, "shrinkB": 3},
        )  # fmt: skip


def uncrossed(points: np.ndarray, heights: Sequence[float]) -> list[float]:
    """Which of ``heights`` at the right edge each of ``points`` (N, 2) gets, all in fractions of the axes, so that no
    two of the lines to them cross: of all ways the one with the shortest lines, for two that cross could be shortened.
    """
    from scipy.optimize import linear_sum_assignment

    apart = points[:, None, 1] - np.array(heights)
    _, chosen = linear_sum_assignment(np.hypot(apart, LABEL_LEFT - points[:, None, 0]))
    return [heights[place] for place in chosen]


def spread_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Move rising ``heights`` (fractions of the axis) so that neighbours are ``gap`` apart, within 0..1.

    Where there is not room for all of them, they are spaced evenly.
    """
    gap = min(gap, 1 / max(1, len(heights) - 1))
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else max(0.0, height))
    ceiling = 1.0
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed
