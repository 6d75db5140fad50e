"""The rows of phones (``demo/<device>.json``) beside those of the benchmark whose files they ran."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnedge.documents.boards import read_boards
from cnnedge.documents.browser_run import BrowserRow, BrowserRun, SelfCheck, read_run, require_run
from cnnedge.documents.row import Accuracy, Browser, Comparison, Row, Timing
from cnnedge.documents.under_load import window_seconds
from cnnedge.documents.whole import Document, read_document
from cnnedge.errors import UsageError
from cnnedge.records import unknown


def split_runs(paths: Sequence[Path]) -> tuple[list[BrowserRun], list[Path]]:
    """What phones measured, by the ``.json`` files among ``paths``, and the other paths: what to measure here.

    Raises:
        DataError: such a file holds something else, is damaged, or cannot be read.
        UsageError: there are no others.
    """
    found = [path for path in paths if path.suffix == ".json"]
    others = [path for path in paths if path not in found]
    if not others:
        raise UsageError("there is nothing to measure here: name exported files beside what a phone measured")
    return [require_run(path) for path in found], others


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """Read benchmark documents, and those of all boards in one; what phones measured in between becomes rows of the one
    that has their files.

    Raises:
        DataError: a file is neither, or damaged.
        UsageError: there are runs of phones alone, or one that shares no file with the benchmarks.
    """
    found = [(path, read_run(path)) for path in paths]
    runs = {path: run for path, run in found if run is not None}
    documents = [document for path, run in found if run is None for document in _benchmarks(path)]
    if not documents and runs:
        raise UsageError(
            f"{next(iter(runs))} was measured in a browser and is shown beside a benchmark: name the benchmark.json too"
        )
    for path, run in runs.items():
        if not any(_rows(document, run) for document in documents):
            raise UsageError(f"{path} measured none of these files (the SHA-256 differ): measure these on the phone")
    return [with_runs(document, list(runs.values())) for document in documents]


def _benchmarks(path: Path) -> list[Document]:
    boards = read_boards(path)
    return [read_document(path)] if boards is None else list(boards.measured.values())


def with_runs(document: Document, runs: Sequence[BrowserRun]) -> Document:
    """The document with the rows of phones that ran its very files; a phone's older rows are replaced."""
    rows, notes = list(document.rows), list(document.notes)
    for run in runs:
        own = _rows(document, run)
        labels = {row.label for row in own}
        rows = [row for row in rows if row.label not in labels] + own
        notes += [note for row in own if (note := _note(row)) and note not in notes]
    return replace(document, rows=rows, notes=notes)


def _rows(document: Document, run: BrowserRun) -> list[Row]:
    """The rows of ``run`` whose files, by content, are among the document's."""
    files = {row.sha256: row for row in document.rows if row.sha256 and row.browser is None}
    return [_row(one, files[one.sha256], run) for one in run.rows if one.sha256 in files]


def _row(one: BrowserRow, same: Row, run: BrowserRun) -> Row:
    """A row as the tables take it: what the file is comes from the ``same`` file's row, never from the phone."""
    check = one.check or SelfCheck(0, 0, 0.0, 0.0)
    curve = one.sustained
    timing = vars(unknown(Timing)) | {"latency_ms": one.latency_ms}
    return Row(
        file=same.file, mode=f"in a browser: {run.device}", format=same.format, precision=same.precision, qat=same.qat,
        sha256=same.sha256, runtime=f"{one.runtime}, in a browser", device="browser", threads=1,
        size_bytes=same.size_bytes, images=0, load_ms=one.load_ms, first_ms=one.first_ms, peak_rss_mb=None,
        sustained=None if curve is None else curve.judged(window_seconds(curve.at_s)), error=one.error,
        browser=Browser(
            run.device, run.user_agent, check.pictures, check.same, check.largest_difference, check.tolerance,
            one.calls_per_reading, one.clock_step_ms,
        ),
        **vars(unknown(Accuracy)), **vars(unknown(Comparison)), **timing,
    )  # fmt: skip


def _note(row: Row) -> str | None:
    """What to mind of a phone whose answers are not Python's."""
    browser = row.browser
    if browser is None or browser.is_right:
        return None
    return (
        f"{row.label}: {browser.pictures - browser.same} of {browser.pictures} answers differ from Python's, by up to "
        f"{browser.largest_difference:.2g} of a probability"
    )
