"""What a phone measured in its browser (``demo/<device>.json``), and its rows beside those of a benchmark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnnedge.documents.row import Row
from cnnedge.documents.whole import Document, read_document
from cnnedge.errors import DataError, UsageError
from cnnedge.files import read_regular
from cnnedge.records import from_json, write_record

SCHEMA = 1
KIND = "browser"
# A row is 1 kB; what is larger is not one of ours.
MAX_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class BrowserRun:
    """One device's figures: its name as the person gave it, its own random ``id``, when (ISO 8601, UTC), the rows."""

    schema: int
    kind: str
    id: str
    device: str
    user_agent: str
    cores: int | None
    at: str
    cnnedge: str
    rows: list[Row]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA or any(row.browser is None for row in self.rows):
            raise ValueError(f"it is no run in a browser of schema {SCHEMA}")

    def write(self, path: Path) -> None:
        """Write it in one step."""
        write_record(path, self)


def read_run(path: Path) -> BrowserRun | None:
    """The run in a browser that ``path`` holds; None where it is something else, or cannot be read.

    Raises:
        DataError: it is one, and damaged.
    """
    try:
        content = json.loads(read_regular(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        return None
    try:
        return from_json(BrowserRun, content)
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): measure on the phone again with cnnedge demo") from None


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


def require_run(path: Path) -> BrowserRun:
    """The run in a browser that ``path`` holds.

    Raises:
        DataError: it holds something else, is damaged, or cannot be read.
    """
    run = read_run(path)
    if run is None:
        raise DataError(f"{path} is not what a phone measured: expected a demo/<device>.json of cnnedge demo")
    return run


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """Read benchmark documents; what phones measured in between becomes rows of the one that has their files.

    Raises:
        DataError: a file is neither, or damaged.
        UsageError: there are runs of phones alone, or one that shares no file with the benchmarks.
    """
    found = [(path, read_run(path)) for path in paths]
    runs = {path: run for path, run in found if run is not None}
    documents = [read_document(path) for path, run in found if run is None]
    if not documents and runs:
        raise UsageError(
            f"{next(iter(runs))} was measured in a browser and is shown beside a benchmark: name the benchmark.json too"
        )
    for path, run in runs.items():
        if not any(_shared(document, run) for document in documents):
            raise UsageError(f"{path} measured none of these files (the SHA-256 differ): measure these on the phone")
    return [with_runs(document, list(runs.values())) for document in documents]


def with_runs(document: Document, runs: Sequence[BrowserRun]) -> Document:
    """The document with the rows of phones that ran its very files; a phone's older rows are replaced."""
    rows, notes = list(document.rows), list(document.notes)
    for run in runs:
        own = _shared(document, run)
        labels = {row.label for row in own}
        rows = [row for row in rows if row.label not in labels] + own
        notes += [note for row in own if (note := _note(row)) and note not in notes]
    return replace(document, rows=rows, notes=notes)


def _shared(document: Document, run: BrowserRun) -> list[Row]:
    """The rows of ``run`` whose files, by content, are among the document's."""
    files = {row.sha256 for row in document.rows if row.sha256 and row.browser is None}
    return [row for row in run.rows if row.sha256 in files]


def _note(row: Row) -> str | None:
    """What to mind of a phone whose answers are not Python's."""
    browser = row.browser
    if browser is None or browser.is_right:
        return None
    return (
        f"{row.label}: {browser.pictures - browser.same} of {browser.pictures} answers differ from Python's, by up to "
        f"{browser.largest_difference:.2g} of a probability"
    )
