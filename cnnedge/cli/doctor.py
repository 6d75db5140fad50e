"""``cnnedge doctor``: what this machine can run, and the one line to type for what it cannot."""

import json
import re
import struct
import sys
from typing import Annotated, Any

import typer

# The instructions that multiply int8 four at a time; without one, int8 files are small but hardly faster.
FAST_INT8 = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"}
PYTHONS = ((3, 11), (3, 13))
# A 28x28 or 32x32 classifier needs some 60 MB to predict; training needs some 3 GB.
LITTLE_MEMORY_MB = 150
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([A-Za-z0-9_-]+)['\"]")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
) -> None:
    """Say what this machine can run, and what to type for what is missing.

    Every runtime is tried in a process of its own with a small convolution,
    so a wheel that does not suit this CPU shows as a line and not as a crash.

    Examples:

      cnnedge doctor

      cnnedge doctor --json
    """
    report = examine()
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        for line in _lines(report):
            print(line)


def examine() -> dict[str, Any]:
    """Everything that ``doctor`` knows; ``advice`` lists what to do, one line for each thing missing."""
    from cnnedge.benchmark.machine import machine_facts, read_load
    from cnnedge.runtime.probe import PACKAGES, probe

    machine, load = machine_facts(), read_load()
    probes = [probe(runtime) for runtime in PACKAGES]
    report = {
        "machine": machine,
        "bits": struct.calcsize("P") * 8,
        "fast_int8": sorted(FAST_INT8 & set(machine["cpu_flags"])),
        "temperature_c": load.temperature_c,
        "throttled": load.throttled,
        "runtimes": [
            {
                "runtime": found.runtime,
                "version": found.version,
                "works": found.works,
                "problem": found.problem,
            }
            for found in probes
        ],
        "extras": {extra: _missing(extra) for extra in ("onnx", "report", "build")},
    }
    return report | {"advice": advice(report, sys.version_info[:2])}


def advice(report: dict[str, Any], python: tuple[int, int]) -> list[str]:
    """What to do, for each thing that stands in the way, the gravest first."""
    lines = []
    if report["bits"] != 64:
        lines.append(
            "this Python is 32-bit, and neither ai-edge-litert nor onnxruntime has a 32-bit wheel: install the "
            "64-bit Raspberry Pi OS (Bookworm or Trixie) and a fresh environment"
        )
    first, last = PYTHONS
    if not first <= python <= last:
        lines.append(f"Python {python[0]}.{python[1]} is not tried with cnnedge: use 3.{first[1]} to 3.{last[1]}")
    lines += [line for runtime in report["runtimes"] if (line := _for_runtime(runtime))]
    if report["machine"]["memory_mb"] < LITTLE_MEMORY_MB:
        lines.append(f"{report['machine']['memory_mb']} MB of memory is little: predict needs about 60 MB")
    if report["machine"]["governor"] == "powersave":
        lines.append("the CPU saves power, so timings will be slow: sudo cpupower frequency-set -g performance")
    if report["throttled"]:
        lines.append("the board slows itself down now: cool it, and use the power supply made for it")
    return lines


def _for_runtime(runtime: dict[str, Any]) -> str | None:
    from cnnedge.runtime.probe import PACKAGES

    if runtime["works"]:
        return None
    package = PACKAGES[runtime["runtime"]]
    if runtime["version"] is None:
        wanted = "'cnnedge[onnx]'" if package == "onnxruntime" else package
        return f"{runtime['runtime']} is not installed: pip install {wanted}"
    return f"{runtime['runtime']} {runtime['problem']}: pip install --force-reinstall {package}"


def _missing(extra: str) -> list[str]:
    """Packages of an install extra that are not here, those of the extras inside it included."""
    from importlib import metadata

    names: list[str] = []
    for requirement in metadata.requires("cnnedge") or []:
        marked = _EXTRA.search(requirement)
        if marked is None or marked[1] != extra:
            continue
        nested = re.match(r"cnnedge\[([A-Za-z0-9_-]+)\]", requirement)
        name = _NAME.match(requirement)
        if nested:
            names += _missing(nested[1])
        elif name and not _is_installed(name[0]):
            names.append(name[0])
    return names


def _is_installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    lines = [
        f"Python       {machine['python']}, {report['bits']}-bit",
        f"System       {machine['os']}, {machine['arch']}",
        f"CPU          {machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']:,} MB of memory",
        f"Instructions {' '.join(machine['cpu_flags']) or 'not readable'}",
        f"Fast int8    {' '.join(report['fast_int8']) or 'no: int8 files are small here, and hardly faster'}",
        f"Governor     {machine['governor'] or 'not readable'}",
        f"Throttled    {_yes_no(report['throttled'])}",
    ]
    for found in report["runtimes"]:
        state = "works" if found["works"] else found["problem"]
        lines.append(f"{found['runtime']:<12} {found['version'] or ''} {state}".rstrip())
    for extra, missing in report["extras"].items():
        state = "complete" if not missing else f"lacks {', '.join(missing)}: pip install 'cnnedge[{extra}]'"
        lines.append(f"[{extra}]".ljust(13) + state)
    return [*lines, "", *(report["advice"] or ["nothing stands in the way of cnnedge predict"])]


def _yes_no(value: bool | None) -> str:
    return "not readable" if value is None else "yes" if value else "no"
