"""How the plots of the report look: their colours, and SVG text that follows the page's own."""

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib writes fixed colours; this one is replaced by the colour of the page's text, dark or light.
INK = "#123456"
# Of medium lightness, so that they show on white and on near-black, and apart for the colour-blind (Okabe
# and Ito).
COLOURS = {"keras": "#8a8a8a", "tflite": "#17967a", "onnx": "#d1661c"}
ACCENT = "#3d8fd1"
# 4.4 inches are 422 CSS pixels: nearly full size on a phone, so that 9-point text stays readable there.
WIDTH = 4.4


def new_figure(height: float, panels: int = 1) -> "tuple[Figure, list[Axes]]":
    """A figure of ``height`` inches with ``panels`` axes below each other that share their x axis."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")
    style: Any = dict.fromkeys(inked, INK)
    style |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        found = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
        for axes in found:
            axes.grid(alpha=0.2, lw=0.6, color=INK)
    return figure, list(found)


def legend(axes: "Axes", **place: Any) -> None:
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, **place)


def to_svg(figure: "Figure", description: str) -> str:
    """The figure as one ``<svg>`` element: text as text, no fixed size, ink in the page's colour."""
    import matplotlib as mpl

    stream = io.StringIO()
    # Ids inside an SVG are derived from the salt; the plots share one page, so each needs its own.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": description, "text.parse_math": False}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'font: ([\d.]+px)[^;"]*', r"font: \1 sans-serif", text)
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{{}}" role="img" aria-label="{description}">'
    return re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', lambda found: opening.format(found[1]), text, count=1)
