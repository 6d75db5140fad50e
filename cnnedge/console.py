"""What a person sees while a command works: a bar on a terminal, plain lines when piped.

Results go to standard output, everything else to standard error.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
