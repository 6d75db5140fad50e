"""A whole ``benchmark.json``: the machine, the data, how it was measured, and the rows."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnedge import console
from cnnedge.documents.circumstances import Data, Learned, Load, Machine, Made, Sentence, Settings, Work
from cnnedge.documents.row import Row
from cnnedge.errors import CnnedgeError, DataError
from cnnedge.files import read_regular
from cnnedge.records import always, from_json, write_record

SCHEMA = 1
# 20 files with raw samples and flips are about 2 MB; what is larger is not one of ours.
MAX_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True)
class Document:
    """``benchmark.json``. ``baseline`` is the float Keras model's file; ``notes`` say what to mind."""

    schema: int
    made: Made
    settings: Settings
    machine: Machine
    data: Data
    baseline: str | None
    interrupted: bool
    sustained: Load | None = always()
    rows: list[Row]
    explanations: list[Sentence]
    notes: list[str]
    pareto: Work | None = None
    learned: Learned | None = None

    def __post_init__(self) -> None:
        classes = len(self.data.labels)
        for number, row in enumerate(self.rows):
            _check_classes(f"rows[{number}]", row, classes)

    @property
    def failed(self) -> list[Row]:
        """The rows that carry a reason instead of (some of) their figures."""
        return [row for row in self.rows if row.error]

    @property
    def classified(self) -> list[Row]:
        return [row for row in self.rows if row.top1 is not None]

    @property
    def has_figures(self) -> bool:
        """Whether anything was measured: a run in which every file failed leaves no document and no report."""
        return any(row.top1 is not None or row.latency_ms for row in self.rows)

    def write(self, path: Path) -> None:
        """Write ``benchmark.json`` in one step."""
        write_record(path, self)


def _check_classes(where: str, row: Row, classes: int) -> None:
    """See that what is indexed by class has as many entries as there are classes."""
    lengths = [len(row.per_class or [])] if row.per_class is not None else []
    if row.confusion is not None:
        lengths += [len(row.confusion), *map(len, row.confusion)]
    if any(length != classes for length in lengths):
        raise ValueError(f"{where} has figures for another number of classes than {classes}")
    named = {
        "flips": [one for flip in row.flips or [] for one in (flip.label, flip.baseline, flip.predicted)],
        "mistakes": [one for mistake in row.mistakes or [] for one in (mistake.label, mistake.predicted)],
    }
    for what, found in named.items():
        if any(not 0 <= one < classes for one in found):
            raise ValueError(f"{where}.{what} names a class that is none of the {classes}")


def read_document(path: Path) -> Document:
    """Read a benchmark document.

    Raises:
        DataError: the file cannot be read, is no JSON, not a document of this schema, or damaged.
    """
    try:
        return from_json(Document, read_content(path))
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): run cnnedge benchmark again") from None


def read_content(path: Path) -> dict[str, Any]:
    """The JSON object of a document of this schema.

    Raises:
        DataError: the file cannot be read, is no JSON, or not of this schema.
    """
    try:
        content = json.loads(read_regular(path, MAX_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected a benchmark.json") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON: expected a benchmark.json") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DataError(f"{path} is not a benchmark document of schema {SCHEMA}: run cnnedge benchmark again")
    return content


def located_document(path: Path) -> Path:
    """``path``, or the benchmark.json in it where it is a folder.

    Raises:
        DataError: a folder without one, or nothing at all where a folder of nearly that name has one.
    """
    if not path.exists():
        there = {found.parent.name: found.parent for found in path.parent.glob("*/benchmark.json")}
        if close := difflib.get_close_matches(path.name, there, n=1):
            raise DataError(f"{path} does not exist; did you mean {there[close[0]]}?")
    if not path.is_dir():
        return path
    found = path / "benchmark.json"
    if not found.is_file():
        raise DataError(f"{path} holds no benchmark.json: run cnnedge benchmark {path} first")
    return found


def several_machines(documents: Sequence[Document]) -> list[tuple[str, list[Row | None]]]:
    """The rows of all documents by file and way of calling: a label, and one row per document (None: none)."""
    labels = {(row.file, row.mode): row.label for document in documents for row in document.rows}
    by_key = [{(row.file, row.mode): row for row in document.rows} for document in documents]
    return [(label, [rows.get(key) for rows in by_key]) for key, label in labels.items()]


def fail_if_any(failures: dict[str, str], document: Document | None = None) -> None:
    """Raise if a file could not be exported or measured; everything else has been done by then.

    The reasons of several are said first, a line each.

    Raises:
        CnnedgeError: names the files, and the reason if there is one only.
    """
    reasons = {row.file: row.error or "" for row in (document.failed if document else ())} | failures
    lines = [f"{file} failed: {reason}" for file, reason in reasons.items()]
    if len(lines) == 1:
        raise CnnedgeError(lines[0])
    for line in lines:
        console.say(line)
    if lines:
        raise CnnedgeError(f"{len(lines)} files failed: {', '.join(reasons)}")
