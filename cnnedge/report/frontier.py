"""The page of a search: every candidate, why it was taken or not, and what it would have cost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnedge.documents.trials import Search, Trial
from cnnedge.files import write_atomically
from cnnedge.report.pages import environment, require_report_packages
from cnnedge.report.plots import label_on_the_right, pareto_front, plain_log_ticks
from cnnedge.report.style import ACCENT, COLOURS, INK, new_figure, to_svg
from cnnedge.scoring.accuracy import paired_interval, wilson_interval

# Layers shown: the costliest.
LAYERS = 20


def write_frontier(path: Path, search: Search, fate: Callable[[Trial, Search], str]) -> None:
    """Write the page of a finished search.

    Args:
        fate: why a candidate was taken or not.

    Raises:
        MissingPackageError: matplotlib or jinja2 is not installed.
    """
    require_report_packages()
    from markupsafe import Markup

    chosen = search.trial(search.chosen or "")
    page = environment().get_template("frontier.html").render(
        title=f"{search.subject.model}: the {search.wish.prefer} within {search.wish.max_drop_pp:g} points",
        search=search,
        svg=Markup(draw(search)),
        rows=[_row(trial, search) | {"fate": fate(trial, search)} for trial in search.trials],
        layers=search.costs(None if chosen is None else chosen.width)[:LAYERS],
        left=set(() if chosen is None else chosen.float_layers),
        baseline=search.baseline / search.subject.validation,
    )  # fmt: skip
    write_atomically(path, page.encode())


def draw(search: Search) -> str:
    """Top-1 on the validation images against size, the frontier, and the least that was allowed, as SVG.

    Without what was given up, unless all was.
    """
    made = [trial for trial in search.trials if trial.validation is not None]
    shown = [trial for trial in made if not trial.stopped] or made
    points = [(trial.size_bytes / 1000, 100 * trial.found.top1) for trial in shown]
    figure, (axes,) = new_figure(3.6)
    for trial, (size, top1) in zip(shown, points, strict=True):
        low, high = (100 * end for end in wilson_interval(trial.found.right, trial.found.images))
        taken = trial.name == search.chosen
        axes.errorbar(
            size, top1, yerr=[[top1 - low], [high - top1]], fmt="D" if taken else "o", ms=8 if taken else 5, lw=1,
            color=COLOURS[trial.format],
        )  # fmt: skip
    front = pareto_front(points)
    axes.plot(
        [size for size, _ in front], [top1 for _, top1 in front], drawstyle="steps-post", color=ACCENT, lw=1, zorder=0
    )
    baseline = 100 * search.baseline / search.subject.validation
    axes.axhline(baseline - search.wish.max_drop_pp, color=INK, lw=1, ls="--")
    axes.set_xscale("log")
    plain_log_ticks(axes)
    axes.set_xlabel("file size in kB")
    axes.set_ylabel("top-1 in %")
    named = zip(points, shown, strict=True)
    label_on_the_right(axes, [(*point, _short(trial), COLOURS[trial.format]) for point, trial in named])
    return to_svg(figure, "top-1 accuracy of the candidates against size")


def _short(trial: Trial) -> str:
    layers = f" ({len(trial.float_layers)} in float)" if trial.float_layers else ""
    ranges = f" {trial.ranges}" if trial.ranges not in ("", "minmax") else ""
    onnx = " onnx" if trial.format == "onnx" else ""
    width = "" if trial.width is None else f" w{trial.width:g}"
    return f"{trial.precision}{' qat' if trial.method == 'qat' else ''}{width}{ranges}{layers}{onnx}"


def _row(trial: Trial, search: Search) -> dict[str, Any]:
    if trial.validation is None:
        return {"trial": trial, "interval": None, "difference": None}
    found = trial.validation
    return {
        "trial": trial,
        "interval": [100 * end for end in wilson_interval(found.right, found.images)],
        "difference": [100 * end for end in paired_interval(found.lost, found.gained, found.images)],
    }
