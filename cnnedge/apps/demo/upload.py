"""What a phone posts: checked, and kept as ``<device>.json``."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cnnedge import __version__
from cnnedge.apps.demo.offer import Offer
from cnnedge.documents.browser_run import BrowserRow, BrowserRun, read_run
from cnnedge.errors import DataError
from cnnedge.records import from_json


def receive(body: bytes, offer: Offer, folder: Path) -> Path:
    """Check what was posted and keep it in ``folder``, in the place of what the same device sent before of these files.

    Raises:
        DataError: it is not what the page posts.
        OSError: it cannot be written.
    """
    try:
        posted = from_json(BrowserRun, json.loads(body))
    except (ValueError, RecursionError) as error:
        raise DataError(f"these are no figures of the page ({error})") from None
    known = {one.file.sha256 for one in offer.files}
    strange = [row.file for row in posted.rows if row.sha256 not in known]
    if strange:
        raise DataError(f"{strange[0]!r} is not among the files of this page: load the page again")
    path, before = _place(folder, posted)
    # The laptop's clock, for a phone's may be anything.
    at = datetime.now(UTC).isoformat(timespec="seconds")
    replace(posted, at=at, cnnedge=__version__, rows=[*_others(before, posted), *posted.rows]).write(path)
    return path


def _others(before: BrowserRun | None, posted: BrowserRun) -> list[BrowserRow]:
    """What the same browser measured before of other files."""
    if before is None or before.user_agent != posted.user_agent:
        return []
    again = {row.sha256 for row in posted.rows}
    return [row for row in before.rows if row.sha256 not in again]


def _place(folder: Path, posted: BrowserRun) -> tuple[Path, BrowserRun | None]:
    """``<device>.json`` and what this device sent before; with a number where another device of that name has it."""
    stem = re.sub("[^a-z0-9]+", "-", posted.device.lower()).strip("-")[:40] or "phone"
    for number in range(1, 1000):
        path = folder / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        if not path.exists():
            return path, None
        if (kept := _kept(path)) and kept.id == posted.id:
            return path, kept
    raise DataError(f"{folder} has a thousand devices called {posted.device!r}: give this one another name")


def _kept(path: Path) -> BrowserRun | None:
    """The figures that are kept there; what is damaged is nobody's to replace."""
    try:
        return read_run(path)
    except DataError:
        return None
