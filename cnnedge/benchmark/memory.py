"""What a process holds in memory, in bytes: now, and at its peak since a moment of our choosing."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resting_bytes() -> int:
    """The resident memory now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def reset_peak() -> None:
    """Begin a new peak where the system allows it (Linux: writing 5 to clear_refs resets VmHWM, proc(5)).

    Elsewhere the peak includes what went before, so that a later difference may come out too large, never too
    small.
    """
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def peak_bytes() -> int:
    """The largest resident memory since the last ``reset_peak``, or since the process began."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, the others KiB
