"""What a phone measured in its browser (``demo/<device>.json``): checked as the untrusted thing that it is."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from cnnedge.documents.row import Latency
from cnnedge.documents.under_load import Curve
from cnnedge.errors import DataError
from cnnedge.files import read_regular
from cnnedge.records import from_json, write_record

SCHEMA = 2
KIND = "browser"
# A row takes 1 kB, with a minute's curve 5 kB; what is larger is not one of ours.
MAX_BYTES = 500_000
MAX_NAME, MAX_AGENT, MAX_ERROR, MAX_TIME, MAX_POINTS = 60, 400, 300, 40, 200
# No call of a phone that is worth a row takes longer, and no clock is coarser.
MOST_MS = 1e7
_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class SelfCheck:
    """How one file's answers compared with Python's, see ``documents.Browser``."""

    pictures: int
    same: int
    largest_difference: float
    tolerance: float

    def __post_init__(self) -> None:
        if not 0 <= self.same <= self.pictures <= 1000:
            raise ValueError("a self-check has impossible counts")
        if not (0 <= self.largest_difference <= 1 and 0 <= self.tolerance <= 1):
            raise ValueError("a self-check has a difference that is none of probabilities")


@dataclass(frozen=True, kw_only=True)
class BrowserRow:
    """What the page says of the file of this ``sha256``: figures and a check, or an ``error``; ``runtime`` ran it."""

    file: str
    sha256: str
    runtime: str
    load_ms: float | None
    first_ms: float | None
    latency_ms: Latency | None
    calls_per_reading: int
    clock_step_ms: float
    check: SelfCheck | None
    sustained: Curve | None
    error: str | None

    def __post_init__(self) -> None:
        if (self.error is None) != (self.latency_ms is not None and self.check is not None):
            raise ValueError("a row has neither figures nor an error, or both")
        if max(len(self.file), len(self.runtime), len(self.sha256)) > MAX_ERROR or len(self.error or "") > MAX_ERROR:
            raise ValueError("a row has text that is too long")
        _check_range([self.load_ms or 0.0, self.first_ms or 0.0, self.clock_step_ms, float(self.calls_per_reading)])
        if self.latency_ms is not None:
            _check_latency(self.latency_ms)
        if self.sustained is not None:
            _check_curve(self.sustained)


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
    rows: list[BrowserRow]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA or self.kind != KIND or not _ID.fullmatch(self.id):
            raise ValueError(f"it is no run in a browser of schema {SCHEMA}, or its id is none: load the page again")
        if not 0 < len(self.device) <= MAX_NAME:
            raise ValueError(f"the device's name has {len(self.device)} letters, expected 1 to {MAX_NAME}")
        if len(self.user_agent) > MAX_AGENT or max(len(self.at), len(self.cnnedge)) > MAX_TIME:
            raise ValueError("it has text that is too long")
        if self.cores is not None and not 0 < self.cores <= 4096:
            raise ValueError(f"it has {self.cores} cores, expected a number of them")
        if not self.rows or len({row.sha256 for row in self.rows}) != len(self.rows):
            raise ValueError("it has no rows, or several of one file")

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


def require_run(path: Path) -> BrowserRun:
    """The run in a browser that ``path`` holds.

    Raises:
        DataError: it holds something else, is damaged, or cannot be read.
    """
    run = read_run(path)
    if run is None:
        raise DataError(f"{path} is not what a phone measured: expected a demo/<device>.json of cnnedge demo")
    return run


def _check_latency(found: Latency) -> None:
    if not found.min <= found.p50 <= found.p90 <= found.p99:
        raise ValueError("a row has percentiles that do not rise")
    _check_range([found.min, found.p99, found.mean, float(found.runs)])


def _check_curve(curve: Curve) -> None:
    lengths = {len(curve.at_s), len(curve.p50_ms), len(curve.p90_ms)}
    if len(lengths) != 1 or not 0 < len(curve.at_s) <= MAX_POINTS or min(curve.p50_ms) <= 0:
        raise ValueError("a row has a curve of impossible lengths or times")
    if sorted(curve.at_s) != curve.at_s:
        raise ValueError("a row has a curve that runs backwards")
    _check_range([curve.at_s[0], curve.at_s[-1], *curve.p50_ms, *curve.p90_ms, float(curve.runs)])


def _check_range(figures: list[float]) -> None:
    if not all(0 <= figure <= MOST_MS for figure in figures):
        raise ValueError(f"a row has figures outside 0 to {MOST_MS:g}")
