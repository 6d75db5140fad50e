"""``cnnedge doctor``: what this machine can run, and the one line to type for what it cannot."""

import sys
import textwrap
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.cli.options import AsJson

if TYPE_CHECKING:
    from cnnedge.machine.examination import Examination
    from cnnedge.machine.hardware import Throttling

WIDTH, INDENT = 80, 13


def doctor(
    as_json: AsJson = False,
) -> None:
    """Say what this machine can run, and what to type for what is missing.

    Every runtime is tried in a process of its own with a small convolution,
    so a wheel that does not suit this CPU shows as a line and not as a crash.
    Cameras and GPUs are looked for in processes of their own too.

    Examples:

      cnnedge doctor

      cnnedge doctor --json
    """
    from dataclasses import asdict

    from cnnedge.machine.advice import advice, optional
    from cnnedge.machine.examination import examine

    found = examine()
    to_do, not_needed = advice(found, sys.version_info[:2]), optional(found)
    if as_json:
        print(console.json_text(asdict(found) | {"advice": to_do, "optional": not_needed}, indent=2))
    else:
        for line in _lines(found, to_do, not_needed):
            console.show(line)


def _lines(found: "Examination", advice: list[str], optional: list[str]) -> list[str]:
    lines = [line for name, value in _rows(found) for line in _wrapped(name, value)]
    # Not wrapped: what is to be typed stays in one piece, to be copied.
    lines += ["", *(advice or ["nothing stands in the way of cnnedge predict"])]
    if optional:
        lines += ["", "Not needed to predict a file:", *optional]
    return lines


def _rows(found: "Examination") -> list[tuple[str, str]]:
    machine, camera, gpu = found.machine, found.camera, found.gpu
    memory = f"{machine.memory_mb:,} MB, {found.memory_available_mb:,} MB of it free"
    rows = [
        ("Python", f"{machine.python}, {found.bits}-bit"),
        ("System", f"{machine.os}, {machine.arch}"),
        ("CPU", f"{machine.cpu}, {machine.cores} cores"),
        ("Memory", memory),
        ("Instructions", " ".join(machine.cpu_flags) or "not readable"),
        ("Fast int8", " ".join(found.fast_int8) or "no: int8 files are small here, and hardly faster"),
        ("Governor", machine.governor or "not readable"),
        ("Throttled", _throttling(found.throttling)),
    ]
    for runtime in found.runtimes:
        state = "works" if runtime.works else runtime.problem
        rows.append((runtime.runtime, f"{runtime.version or ''} {state}".strip()))
        rows.append(("  wheel", runtime.wheel or runtime.no_wheel or ""))
    rows += [
        ("GPU", f"{_listed(gpu.vulkan)} (Vulkan); ONNX Runtime: {_listed(gpu.onnxruntime)}"),
        ("Camera", f"{_listed(camera.names)} ({camera.library or 'no library'})"),
    ]
    for extra, missing in found.extras.items():
        rows.append((f"[{extra}]", "complete" if not missing else f"lacks {', '.join(missing)}"))
    return rows


def _throttling(words: "Throttling | None") -> str:
    if words is None:
        return "not readable"
    now = f"yes: {', '.join(words.now)}" if words.now else "no"
    earlier = [word for word in words.since_start if word not in words.now]
    return now + (f"; since it was switched on: {', '.join(earlier)}" if earlier else "")


def _listed(names: list[str] | None) -> str:
    return ", ".join(names or []) or "none"


def _wrapped(name: str, value: str) -> list[str]:
    return textwrap.wrap(
        value, WIDTH, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
