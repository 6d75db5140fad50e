"""The plot of what every layer of a file loses."""

import io
from collections.abc import Sequence

from cnnedge.convert.layer_errors.compare import LayerError

# Okabe and Ito's colours, apart for the colour-blind.
BAR, WORST, DOT = "#56b4e9", "#d55e00", "#000000"
INCHES_PER_LAYER = 0.3
# The smallest share of saturated codes that one decimal shows: 0.05 % rounds to 0.1 %.
SMALLEST_SHOWN = 0.0005


def plot_layer_errors(rows: Sequence[LayerError], title: str) -> bytes:
    """A PNG with the layers from the image down: bars for the noise of each alone, dots for all the noise up to there.

    The noise is drawn as a part of the signal, in per cent (10 ** (-SQNR / 20)), so that the longest bar is the worst
    layer, whatever the others; that bar stands out. Its SQNR, and saturated codes where there are any, stand beside it.
    """
    from matplotlib.figure import Figure

    layers = sorted(rows, key=lambda row: row.position)
    own = [_percent(row.own_sqnr_db) for row in layers]
    heights = range(len(layers))
    figure = Figure(figsize=(7, 1.7 + INCHES_PER_LAYER * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    colours = [WORST if noise == max(own) else BAR for noise in own]
    axes.barh(heights, own, color=colours, height=0.6, label="added by this layer")
    axes.plot([_percent(row.sqnr_db) for row in layers], heights, "o", color=DOT, ms=4, label="all up to there")
    for height, row in enumerate(layers):
        axes.annotate(_note(row), (1.01, height), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set_yticks(heights, [row.layer for row in layers])
    axes.invert_yaxis()
    axes.set_xlabel("noise in % of the signal, root mean square (10 % is 20 dB, 1 % is 40 dB)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150)
    return stream.getvalue()


def _percent(decibels: float | None) -> float:
    return 0.0 if decibels is None else 100 * 10 ** (-decibels / 20)


def _note(row: LayerError) -> str:
    ratio = "exact" if row.own_sqnr_db is None else f"{row.own_sqnr_db:.1f} dB"
    if row.saturated is None or row.saturated < SMALLEST_SHOWN:
        return ratio
    return f"{ratio}, {100 * row.saturated:.1f} % saturated"
