"""What a phone posts: checked as the untrusted thing that it is, and kept as ``<device>.json``."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cnnedge import __version__
from cnnedge.apps.demo.offer import Offer, Offered
from cnnedge.documents import Accuracy, Browser, BrowserRun, Comparison, Latency, Row, Sustained, Timing
from cnnedge.documents.browser_run import KIND, SCHEMA, read_run
from cnnedge.errors import DataError
from cnnedge.records import from_json, unknown

# A row of a minute's curve takes 4 kB.
MAX_BYTES = 500_000
MAX_NAME, MAX_AGENT, MAX_ERROR, MAX_POINTS = 60, 400, 300, 200
# No call of a phone that is worth a row takes longer, and no clock is coarser.
MOST_MS = 1e7
SLOW_DOWN = 0.10
_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class PostedCheck:
    """The self-check of one file, see ``documents.Browser``."""

    pictures: int
    same: int
    largest_difference: float


@dataclass(frozen=True)
class PostedCurve:
    """A minute under load, see ``documents.Sustained``."""

    at_s: list[float]
    p50_ms: list[float]
    p90_ms: list[float]
    runs: int
    first_ms: float
    last_ms: float


@dataclass(frozen=True)
class PostedRow:
    """What the page says of one file: figures and a check, or an ``error``."""

    file: str
    sha256: str
    runtime: str
    load_ms: float | None
    first_ms: float | None
    latency_ms: Latency | None
    calls_per_reading: int
    clock_step_ms: float
    check: PostedCheck | None
    sustained: PostedCurve | None
    error: str | None

    def __post_init__(self) -> None:
        if (self.error is None) != (self.latency_ms is not None and self.check is not None):
            raise ValueError("has neither figures nor an error, or both")
        if len(self.runtime) > MAX_NAME or len(self.error or "") > MAX_ERROR:
            raise ValueError("has text that is too long")
        figures = [self.load_ms or 0.0, self.first_ms or 0.0, self.clock_step_ms, float(self.calls_per_reading)]
        if self.latency_ms is not None:
            ordered = self.latency_ms
            figures += [ordered.min, ordered.p50, ordered.p90, ordered.p99, ordered.mean, float(ordered.runs)]
            if not ordered.min <= ordered.p50 <= ordered.p90 <= ordered.p99:
                raise ValueError("has percentiles that do not rise")
        _check_range(figures)
        if self.check is not None and not 0 <= self.check.same <= self.check.pictures <= 1000:
            raise ValueError("has a self-check of impossible counts")
        if self.check is not None and not 0 <= self.check.largest_difference <= 1:
            raise ValueError("has a difference that is none of probabilities")
        if self.sustained is not None:
            _check_curve(self.sustained)


@dataclass(frozen=True)
class Posted:
    """The whole of what a phone posts."""

    schema: int
    id: str
    device: str
    user_agent: str
    cores: int | None
    rows: list[PostedRow]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA or not _ID.fullmatch(self.id):
            raise ValueError(f"it is not of schema {SCHEMA}, or its id is none: load the page again")
        if not (0 < len(self.device) <= MAX_NAME and len(self.user_agent) <= MAX_AGENT):
            raise ValueError(f"the device's name has {len(self.device)} letters, expected 1 to {MAX_NAME}")
        if self.cores is not None and not 0 < self.cores <= 4096:
            raise ValueError(f"it has {self.cores} cores, expected a number of them")
        if not self.rows or len({row.sha256 for row in self.rows}) != len(self.rows):
            raise ValueError("it has no rows, or several of one file")


def receive(body: bytes, offer: Offer, folder: Path) -> Path:
    """Check what was posted and keep it in ``folder``, in the place of what the same device sent before.

    Raises:
        DataError: it is not what the page posts.
        OSError: it cannot be written.
    """
    try:
        posted = from_json(Posted, json.loads(body))
    except (ValueError, RecursionError) as error:
        raise DataError(f"these are no figures of the page ({error})") from None
    known = {one.file.sha256: one for one in offer.files}
    strange = [row.file for row in posted.rows if row.sha256 not in known]
    if strange:
        raise DataError(f"{strange[0]!r} is not among the files of this page: load the page again")
    run = BrowserRun(
        schema=SCHEMA, kind=KIND, id=posted.id, device=posted.device, user_agent=posted.user_agent, cores=posted.cores,
        at=datetime.now(UTC).isoformat(timespec="seconds"), cnnedge=__version__,
        rows=[_row(row, known[row.sha256], posted) for row in posted.rows],
    )  # fmt: skip
    path = _place(folder, posted)
    run.write(path)
    return path


def _row(row: PostedRow, offered: Offered, posted: Posted) -> Row:
    """A row as the tables take it: what the file is comes from the file, never from the phone."""
    check = row.check or PostedCheck(0, 0, 0.0)
    timing = vars(unknown(Timing)) | {"latency_ms": row.latency_ms}
    return Row(
        file=offered.file.name, mode=f"in a browser: {posted.device}", format=offered.file.format,
        precision=offered.precision, qat=offered.qat, sha256=offered.file.sha256,
        runtime=f"{row.runtime}, in a browser",
        device="browser", threads=1, size_bytes=len(offered.file.content), images=0, load_ms=row.load_ms,
        first_ms=row.first_ms, peak_rss_mb=None, sustained=_curve(row.sustained), error=row.error,
        browser=Browser(
            posted.device, posted.user_agent, check.pictures, check.same, check.largest_difference, offered.tolerance,
            row.calls_per_reading, row.clock_step_ms,
        ),
        **vars(unknown(Accuracy)), **vars(unknown(Comparison)), **timing,
    )  # fmt: skip


def _curve(posted: PostedCurve | None) -> Sustained | None:
    if posted is None:
        return None
    change = round(posted.last_ms / posted.first_ms - 1, 4)
    return Sustained(
        posted.at_s, posted.p50_ms, posted.p90_ms, posted.runs, posted.first_ms, posted.last_ms, change,
        slowed=change > SLOW_DOWN,
    )  # fmt: skip


def _check_curve(curve: PostedCurve) -> None:
    lengths = {len(curve.at_s), len(curve.p50_ms), len(curve.p90_ms)}
    if len(lengths) != 1 or not 0 < len(curve.at_s) <= MAX_POINTS or curve.first_ms <= 0:
        raise ValueError("has a curve of impossible lengths")
    _check_range([*curve.at_s, *curve.p50_ms, *curve.p90_ms, float(curve.runs), curve.first_ms, curve.last_ms])


def _check_range(figures: list[float]) -> None:
    if not all(0 <= figure <= MOST_MS for figure in figures):
        raise ValueError(f"has figures outside 0 to {MOST_MS:g}")


def _place(folder: Path, posted: Posted) -> Path:
    """``<device>.json``; with a number where another device of the same name has that."""
    stem = re.sub("[^a-z0-9]+", "-", posted.device.lower()).strip("-")[:40] or "phone"
    for number in range(1, 1000):
        path = folder / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        if not path.exists() or _is_own(path, posted.id):
            return path
    raise DataError(f"{folder} has a thousand devices called {posted.device!r}: give this one another name")


def _is_own(path: Path, id: str) -> bool:
    """Whether what is kept there came from this device; what is damaged is nobody's to replace."""
    try:
        kept = read_run(path)
    except DataError:
        return False
    return kept is not None and kept.id == id
