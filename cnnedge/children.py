"""Python in a process of its own, where only what is installed is imported; and ending in order on a signal."""

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

_HOME = str(Path(__file__).resolve().parents[1])
# What a terminal, a service manager and a container send when the work is to end.
_ENDING = ("SIGTERM", "SIGHUP")
# Seconds until a swallowed signal comes again, when what swallowed it has returned.
_OUT_OF_IT = 0.1


def code_command(code: str, *arguments: str) -> list[str]:
    """The command that runs ``code`` with ``arguments``; a ``numpy.py`` in the current folder is never imported.

    ``-P`` keeps the current folder off the path; the package's own comes last on it, for a checkout that is not
    installed.
    """
    return [sys.executable, "-P", "-c", f"import sys; sys.path.append({_HOME!r})\n{code}", *arguments]


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs ``module`` as ``python -m`` does, isolated as ``code_command``."""
    return code_command(f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)", *arguments)


def limit_work(more: int, seconds: int) -> None:
    """Let this process take ``more`` bytes beyond the address space that what it has imported reserved, and calculate
    for so many seconds: it then ends even if whoever waits for it was killed. No limits where the system has none."""
    try:
        import resource
    except ImportError:  # Windows
        return
    reserved = 4 * more
    status = Path("/proc/self/statm")
    if status.exists():
        reserved = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (reserved + more, reserved + more))
    used = math.ceil(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, used + seconds + 1))  # a signal, then the end


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work through its ``finally`` clauses: children ended, temporary folders removed.

    The exit code is then 128 and the signal's number, as shells say. A signal that is ignored (``nohup``) stays so.
    """
    before: dict[int, Any] = {}
    resent: list[threading.Timer] = []
    hook, sys.unraisablehook = sys.unraisablehook, partial(_again, sys.unraisablehook, resent)
    for name in _ENDING if threading.current_thread() is threading.main_thread() else ():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for timer in resent:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _again(hook: Callable[[Any], object], resent: list[threading.Timer], unraisable: Any) -> None:
    """Send the signal again whose exception was lost: a destructor or a callback of the garbage collector (jax has one,
    and a conversion collects often) swallows whatever is raised in it, and the work would go on to its end."""
    lost = unraisable.exc_value
    if isinstance(lost, KeyboardInterrupt):
        number: int = signal.SIGINT
    elif isinstance(lost, SystemExit) and isinstance(lost.code, int) and lost.code > 128:
        number = lost.code - 128
    else:
        hook(unraisable)
        return
    later = threading.Timer(_OUT_OF_IT, os.kill, (os.getpid(), number))
    later.daemon = True
    resent.append(later)
    later.start()
