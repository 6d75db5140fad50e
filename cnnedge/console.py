"""What a person sees while a command works: a bar on a terminal, plain lines when piped.

Results go to standard output, everything else to standard error. Names, labels and errors come from other people's
files: everything that is printed goes through ``plain``.
"""

import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnedge.progress import Progress

# A piped log gets a line per stage at its start, its end, and at most this often in between.
SECONDS_BETWEEN_LINES = 10.0


# Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of writing.
_NOT_PLAIN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Halves of a character, which JSON can name alone; those that stand for the bytes of a name are not among them.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def plain(text: str) -> str:
    """``text`` as one line that a terminal can only show: what would act on it is written as ``\\x1b``, ``\\n`` ...

    Bytes of a file's name that are no text appear as ``\\xff``.
    """
    whole = _HALVES.sub(_escaped, text)
    decoded = whole.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _NOT_PLAIN.sub(_escaped, decoded)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def json_text(value: Any, indent: int | None = None) -> str:
    """``value`` as JSON; a number that JSON does not have (nan, an infinity) is null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(message: str) -> None:
    """One line for the person, on standard error, so that standard output stays the result."""
    print(plain(message), file=sys.stderr, flush=True)


def show(*lines: str) -> None:
    """Lines of the result, on standard output."""
    for line in lines:
        print(plain(line))


def next_step(*words: object) -> None:
    """A command that works now and is likely wanted next; what is None is left out."""
    say(f"next: {shlex.join(str(word) for word in words if word is not None)}")


def mend_streams() -> None:
    """Let every command start with three streams that take any text.

    A closed one (``2>&-``) becomes the null device, before a file of ours gets its number; a terminal that cannot write
    a character is given its escape.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode))
        elif mode == "w":
            getattr(sys, name).reconfigure(errors="backslashreplace")


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a ``progress(stage, done, total)`` function drawn as bars on a terminal, as lines elsewhere."""
    if sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines()


def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    class Rate(TextColumn):
        def render(self, task: Task) -> Any:
            return super().render(task) if task.speed else ""

    tasks: dict[str, TaskID] = {}
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        Rate("{task.speed:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(plain(stage), total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield report


def _lines() -> Progress:
    last: dict[str, float] = {}
    first: dict[str, tuple[float, int]] = {}

    def report(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        begun, before = first.setdefault(stage, (now, done))
        finished = total > 0 and done >= total
        if stage in last and not finished and now - last[stage] < SECONDS_BETWEEN_LINES:
            return
        last[stage] = now
        left = "" if finished else _left(now - begun, done - before, total - done)
        say(f"{stage}: {done:,}" + (f" of {total:,}" if total else "") + left)

    return report


def _left(seconds: float, done: int, more: int) -> str:
    """The rate of ``done`` in ``seconds``, and how long ``more`` take at that; nothing in the first seconds."""
    if seconds < SECONDS_BETWEEN_LINES or done < 1:
        return ""
    rate = done / seconds
    return f", {rate:,.1f}/s" + (f", {_duration(more / rate)} left" if more > 0 else "")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
