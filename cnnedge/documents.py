"""Writing ``benchmark.json`` and reading it back, and the words for its rows that tables, plots and reports
share."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnedge.errors import CnnedgeError, DataError
from cnnedge.files import write_atomically

Document = dict[str, Any]
Row = dict[str, Any]

SCHEMA = 1
# 20 files with raw samples and flips are about 2 MB; what is larger is not one of ours.
MAX_BYTES = 50_000_000
_KEYS = ("made", "settings", "machine", "data", "baseline", "interrupted", "rows", "explanations", "notes")
_ROW_KEYS = (
    "file",
    "mode",
    "format",
    "precision",
    "qat",
    "size_bytes",
    "top1",
    "latency_ms",
    "speedup",
    "error",
)


def to_json(document: dict[str, Any]) -> str:
    """The document as JSON text: indented, with each list of plain numbers on one line."""
    text = json.dumps(document, indent=1, allow_nan=False)
    return re.sub(r"\[[-\d.,e+\s]+\]", lambda match: re.sub(r"\s+", " ", match[0]), text) + "\n"


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write ``benchmark.json`` in one step."""
    write_atomically(path, to_json(document).encode())


def load_document(path: Path) -> dict[str, Any]:
    """Read a benchmark document.

    Raises:
        DataError: the file cannot be read, is no JSON, or not a document of this schema.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is larger than {MAX_BYTES:,} bytes: expected a benchmark.json")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected a benchmark.json") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON: expected a benchmark.json") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DataError(f"{path} is not a benchmark document of schema {SCHEMA}: run cnnedge benchmark again")
    missing = [key for key in _KEYS if key not in document]
    rows = document.get("rows") or []
    missing += sorted({key for row in rows for key in _ROW_KEYS if not isinstance(row, dict) or key not in row})
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}: run cnnedge benchmark again")
    return document


def row_label(row: dict[str, Any]) -> str:
    """The file's name, with the way it is called where there are several."""
    return f"{row['file']} ({row['mode']})" if row["mode"] else row["file"]


def short_label(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """What tells the row from the others: "tflite int8 qat", or its file where that is not enough."""
    words = [row["format"], row["mode"] or row["precision"], "qat" if row["qat"] else ""]
    alike = [other for other in rows if _kind(other) == _kind(row)]
    return " ".join(word for word in words if word) if len(alike) == 1 else row["file"]


def _kind(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["format"], row["mode"], row["precision"], row["qat"]


def difference_shown(row: dict[str, Any]) -> bool:
    """Whether the speed-up's interval excludes 1."""
    low, high = row["speedup_low"], row["speedup_high"]
    return low is not None and high is not None and not low <= 1 <= high


def is_fastest_keras(row: dict[str, Any]) -> bool:
    """Whether this row is what the speed-ups refer to."""
    return row["format"] == "keras" and row["speedup_low"] == row["speedup_high"] == 1


def failed_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that carry a reason instead of (some of) their figures."""
    return [row for row in document["rows"] if row["error"]]


def several_machines(documents: Sequence[Document]) -> list[tuple[str, list[Row | None]]]:
    """The rows of all documents by file and way of calling: a label, and one row per document (None:
    none)."""
    keys = dict.fromkeys((row["file"], row["mode"]) for document in documents for row in document["rows"])
    by_key = [{(row["file"], row["mode"]): row for row in document["rows"]} for document in documents]
    return [
        (row_label({"file": file, "mode": mode}), [rows.get((file, mode)) for rows in by_key]) for file, mode in keys
    ]


def fail_if_any(failures: dict[str, str], document: dict[str, Any] | None = None) -> None:
    """Raise if a file could not be exported or measured; everything else has been done by then.

    Raises:
        CnnedgeError: names the files and the first reason.
    """
    failures = dict(failures)
    for row in document["rows"] if document else ():
        if row["error"]:
            failures.setdefault(row["file"], row["error"])
    if failures:
        first, reason = next(iter(failures.items()))
        others = f" (and {len(failures) - 1} more: {', '.join(list(failures)[1:])})" if len(failures) > 1 else ""
        raise CnnedgeError(f"{first} failed: {reason}{others}")
