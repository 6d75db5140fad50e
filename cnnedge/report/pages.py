"""The report: one HTML file that needs no network, readable on a phone, in light and in dark."""

import csv
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.documents import Document, Flip, Row, several_machines
from cnnedge.errors import DataError, MissingPackageError
from cnnedge.files import read_regular, write_atomically
from cnnedge.records import known
from cnnedge.report import layer_table, plots, summary, table, wrong
from cnnedge.report.decision import decide, over_fitting, with_one_keras
from cnnedge.report.foreign import ForeignRow, beside, foreign_rows
from cnnedge.report.pictures import png_address
from cnnedge.report.reproduce import reproduce
from cnnedge.report.throughput_table import throughput_rows, throughput_sentences

if TYPE_CHECKING:
    from jinja2 import Environment

    from cnnedge.data import Split

# Pictures shown per file.
GALLERY_IMAGES = 8
# A thousand epochs are 100 kB.
MAX_HISTORY_BYTES = 10_000_000
TRAINING = (
    "Right answers after each epoch: accuracy on training pictures, changed at random, val accuracy on others. "
    "The network is the average of the weights over the last steps: its figures are those above, not the last points."
)
REPORT_PACKAGES = ("matplotlib", "jinja2")


def report_packages_installed() -> bool:
    """Whether a report can be written."""
    return all(find_spec(package) for package in REPORT_PACKAGES)


def require_report_packages() -> None:
    """Check, before long work, that a report can be written at its end.

    Raises:
        MissingPackageError: matplotlib or jinja2 is not installed.
    """
    for package in REPORT_PACKAGES:
        if find_spec(package) is None:
            raise MissingPackageError(package, "report")


def write_report(
    path: Path, document: Document, *, images: "Split | None" = None, history: Path | None = None,
    foreign: Sequence[ForeignRow] = (),
) -> None:  # fmt: skip
    """Write the report of a benchmark ``document`` to ``path``.

    Args:
        images: the test images that were measured, for the gallery of flipped images.
        history: the training's ``history.csv``, for the training curves.
        foreign: what other programs measured of the same files.

    Raises:
        MissingPackageError: matplotlib or jinja2 is not installed.
        DataError: ``history`` is not such a file.
    """
    write_atomically(path, render(document, images=images, history=history, foreign=foreign).encode())


def render(
    document: Document, *, images: "Split | None" = None, history: Path | None = None,
    foreign: Sequence[ForeignRow] = (),
) -> str:  # fmt: skip
    """The report as HTML text; the arguments are those of ``write_report``."""
    require_report_packages()
    rows, decision = document.rows, decide(document)
    shown, other_calls = with_one_keras(rows)
    return environment().get_template("report.html").render(
        document=document,
        title=decision.headline,
        decision=decision,
        confusions=wrong.confusions(decision.row, document.data.labels) if decision.row else [],
        mistakes=wrong.surest(decision.row, document, images) if decision.row else [],
        over_fitting=over_fitting(document, {} if history is None else read_history(history)),
        other_calls=other_calls,
        summary=summary.summarize(document),
        columns=list(table.COLUMNS),
        table=[{"row": row, "cells": [cell(row) for cell in table.COLUMNS.values()]} for row in shown],
        sustained=table.sustained_rows(document),
        machine_sentences=summary.machine_sentences(document),
        sustained_sentences=summary.sustained_sentences(document),
        foreign=foreign_rows(beside(foreign, document)),
        throughput=throughput_rows(document),
        throughput_sentences=throughput_sentences(document),
        layers=layer_table.layer_tables(document),
        failed=[(row.label, row.error) for row in document.failed],
        figures=_figures(document, history),
        details=[_details(row, document) for row in rows if row.confusion],
        gallery=_gallery(document, images) if images is not None else [],
        gallery_possible=images is not None,
    )  # fmt: skip


def environment() -> "Environment":
    """The templates beside this file; whatever is put into them is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent
    found = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.globals["command"] = reproduce
    found.globals["speed_text"] = table.speed_text
    return found


def _figures(document: Document, history: Path | None) -> list[dict[str, Any]]:
    """The plots, each with a heading and a line that says how to read it. Their SVG text is ours, so it is
    safe."""
    from markupsafe import Markup

    rows = document.rows
    classified = [row for row in rows if row.top1 is not None]
    timed = [row for row in classified if row.latency_ms]
    found: list[tuple[str, str, str]] = []
    if classified:
        reading = "Up and left is better. Ringed files are not beaten in both (Pareto front); bars: 95 % intervals."
        found.append(("Accuracy against size", reading, plots.accuracy_against(rows, "size")))
    if timed:
        reading = "The same, against the median latency of one image."
        found.append(("Accuracy against latency", reading, plots.accuracy_against(rows, "latency")))
        reading = "Line: fastest call to p99; bar: the middle half; stroke: the median."
        found.append(("Latency", reading, plots.latency_distributions(rows)))
    if classified:
        reference = next((row for row in classified if row.verdict == "baseline"), classified[0])
        reading = f"Bars: {reference.short_label(rows)}; dots: the int8 files."
        plot = plots.per_class_bars(rows, reference, document.data.labels)
        found.append(("Accuracy per class", reading, plot))
    if any(row.sustained for row in rows):
        found.append(("Sustained load", "In % of each file's own at first.", plots.sustained_load(document)))
    if any(row.throughput for row in rows):
        reading = "Images a second, of as many times one thread's; one image a call. 100 %: each thread does its share."
        found.append(("Scaling", reading, plots.scaling(rows)))
    if history is not None:
        found.append(("Training", TRAINING, plots.training_curves(read_history(history))))
    return [{"heading": heading, "reading": reading, "svg": Markup(svg)} for heading, reading, svg in found]


def read_history(path: Path) -> dict[str, list[float]]:
    """The numeric columns of a ``history.csv``: one value per epoch.

    Raises:
        DataError: the file cannot be read, or has no column of accuracies.
    """
    try:
        lines = list(csv.DictReader(read_regular(path, MAX_HISTORY_BYTES).decode().splitlines()))
        names = [name for name in (lines[0] if lines else {}) if name.endswith("accuracy")]
        columns = {name: [float(line[name]) for line in lines] for name in names}
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a training history ({error}): expected a CSV") from None
    if not columns:
        raise DataError(f"{path} has no column whose name ends in 'accuracy': expected a history.csv")
    return columns


def _details(row: Row, document: Document) -> dict[str, Any]:
    """What a row's fold-out shows: sentences, and the confusion matrix with a colour strength for each
    count."""
    matrix = list(zip(document.data.labels, map(heated, known(row.confusion)), strict=True))
    return {"row": row, "sentences": summary.describe(row), "matrix": matrix}


def heated(counts: Sequence[int]) -> list[tuple[int, float]]:
    """A row of a confusion matrix, with the strength 0..1 of its cells' colours."""
    # The root makes one in a hundred visible; 0.75 keeps the count readable on its colour.
    heats = [round(0.75 * (count / max(1, sum(counts))) ** 0.5, 3) for count in counts]
    return list(zip(counts, heats, strict=True))


def _gallery(document: Document, images: "Split") -> list[dict[str, Any]]:
    """For each exported file the first images that it answers differently, those it lost first."""
    names, found = document.data.labels, []
    for row in document.rows:
        flips = row.flips or []
        lost_first = sorted(flips, key=lambda flip: flip.baseline != flip.label)[:GALLERY_IMAGES]
        pictures = [
            {
                "source": png_address(images.pixels([flip.image])[0]),
                "label": names[flip.label],
                "baseline": names[flip.baseline],
                "predicted": names[flip.predicted],
                "kind": _kind(flip),
            }
            for flip in lost_first
        ]
        if pictures:
            found.append({"row": row, "flips": round((1 - known(row.agreement)) * row.images), "pictures": pictures})
    return found


def _kind(flip: Flip) -> str:
    if flip.baseline == flip.label:
        return "lost"
    return "gained" if flip.predicted == flip.label else "both wrong"


def write_comparison(
    path: Path, documents: Sequence[Document], hosts: Sequence[str] = (), failures: Mapping[str, str] | None = None
) -> None:
    """Write one HTML page that lays the documents of several machines side by side.

    Args:
        path: of the page.
        documents: one for each machine.
        hosts: what the machines are called, where they have names.
        failures: why other machines, by name, have no figures.

    Raises:
        MissingPackageError: jinja2 is not installed.
    """
    require_report_packages()
    page = environment().get_template("comparison.html").render(
        title=f"{len(documents)} machine{'s' if len(documents) != 1 else ''} side by side",
        documents=documents,
        names=[
            f"{number}. {f'{host}: ' if host else ''}{document.machine.cpu}"
            for number, (document, host) in enumerate(zip_longest(documents, hosts), 1)
        ],
        failures=failures or {},
        rows=several_machines(documents),
        warnings=comparison_warnings(documents),
    )  # fmt: skip
    write_atomically(path, page.encode())


def comparison_warnings(documents: Sequence[Document]) -> list[str]:
    """What makes the documents less than comparable: other images, other files, other threads."""
    found = []
    if len({document.data.sha256 for document in documents}) > 1:
        found.append("The machines were not given the same test images: compare latencies, not accuracies.")
    if len({document.settings.threads for document in documents}) > 1:
        found.append("The machines were not measured with the same number of threads.")
    for label, cells in several_machines(documents):
        if len({cell.sha256 for cell in cells if cell}) > 1:
            found.append(f"{label} is not the same file on all machines.")
    return found
