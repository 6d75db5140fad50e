"""What a person sees while a command works: a bar on a terminal, plain lines when piped.

Results go to standard output, everything else to standard error.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnedge.errors import CnnedgeError
from cnnedge.progress import Progress

# A piped log gets a line per stage at its start, its end, and at most this often in between.
SECONDS_BETWEEN_LINES = 10.0


def say(message: str) -> None:
    """One line for the person, on standard error, so that standard output stays the result."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a ``progress(stage, done, total)`` function drawn as bars on a terminal, as lines elsewhere."""
    if sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines()


def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    tasks: dict[str, TaskID] = {}
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield report


def _lines() -> Progress:
    last: dict[str, float] = {}

    def report(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        finished = total > 0 and done >= total
        if stage in last and not finished and now - last[stage] < SECONDS_BETWEEN_LINES:
            return
        last[stage] = now
        say(f"{stage}: {done:,}" + (f" of {total:,}" if total else ""))

    return report


def print_benchmark(document: dict[str, Any]) -> None:
    """The benchmark's table and footnotes on standard output; it fits 80 columns."""
    from rich.console import Console

    from cnnedge.report.table import footnotes, rich_table, sustained_table

    encoding = (sys.stdout.encoding or "").lower()
    console = Console(width=None if sys.stdout.isatty() else 80, highlight=False)
    console.print(rich_table(document, unicode=encoding.startswith("utf")))
    if document.get("sustained"):
        console.print(sustained_table(document))
    for line in footnotes(document):
        print(line)


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
