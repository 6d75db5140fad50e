"""``cnnedge doctor``: what this machine can run, and the one line to type for what it cannot."""

import json
import re
import struct
import sys
import textwrap
from typing import Any

from cnnedge import console
from cnnedge.cli.options import AsJson

# The instructions that multiply int8 four at a time; without one, int8 files are small but hardly faster.
FAST_INT8 = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"}
WIDTH, INDENT = 80, 13
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([A-Za-z0-9_-]+)['\"]")


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
    report = examine()
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        for line in _lines(report):
            console.show(line)


def examine() -> dict[str, Any]:
    """Everything that ``doctor`` knows.

    ``advice`` lists what to do for what stands in the way of predicting, ``optional`` for what nobody needs to.
    """
    import psutil

    from cnnedge.machine.advice import advice, optional, throttling_words
    from cnnedge.machine.hardware import machine_facts, read_load, throttle_bits
    from cnnedge.machine.probe import PACKAGES, cameras, probe

    machine, load, bits = machine_facts(), read_load(), struct.calcsize("P") * 8
    probes = [probe(runtime) for runtime in PACKAGES]
    report = {
        "machine": machine,
        "bits": bits,
        "memory_available_mb": psutil.virtual_memory().available // 1_000_000,
        "fast_int8": sorted(FAST_INT8 & set(machine["cpu_flags"])),
        "temperature_c": load.temperature_c,
        "throttled": load.throttled,
        "throttling": throttling_words(throttle_bits()),
        "runtimes": [
            {
                "runtime": found.runtime,
                "version": found.version,
                "works": found.works,
                "problem": found.problem,
                **_wheel(PACKAGES[found.runtime], bits),
            }
            for found in probes
        ],
        "gpu": _gpu(probes),
        "camera": cameras(),
        "extras": {extra: _missing(extra) for extra in ("onnx", "report", "demo", "build")},
    }
    return report | {"advice": advice(report, sys.version_info[:2]), "optional": optional(report)}


def _wheel(package: str, bits: int) -> dict[str, str | None]:
    """The wheel that pip would install on this machine, or why there is none."""
    import platform

    from cnnedge.machine.wheels import Place, wheel

    here = Place(platform.system(), platform.machine(), bits, sys.version_info[:2], platform.libc_ver())
    name, reason = wheel(package, here)
    return {"wheel": name, "no_wheel": reason}


def _gpu(probes: list[Any]) -> dict[str, Any]:
    """``vulkan``: the devices for LiteRT; ``onnxruntime``: its providers for GPUs, None if it does not work."""
    from cnnedge.machine.probe import vulkan_devices
    from cnnedge.runtime.ort import GPU_PROVIDERS

    devices = vulkan_devices()
    (onnxruntime,) = (found for found in probes if found.runtime == "ONNX Runtime")
    providers = [name for name in onnxruntime.providers if name in GPU_PROVIDERS]
    return {
        "vulkan": devices["names"],
        "problem": devices["problem"],
        "onnxruntime": providers if onnxruntime.works else None,
    }


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
    lines = [line for name, value in _rows(report) for line in _wrapped(name, value)]
    # Not wrapped: what is to be typed stays in one piece, to be copied.
    lines += ["", *(report["advice"] or ["nothing stands in the way of cnnedge predict"])]
    if report["optional"]:
        lines += ["", "Not needed to predict a file:", *report["optional"]]
    return lines


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    machine, camera, gpu = report["machine"], report["camera"], report["gpu"]
    memory = f"{machine['memory_mb']:,} MB, {report['memory_available_mb']:,} MB of it free"
    rows = [
        ("Python", f"{machine['python']}, {report['bits']}-bit"),
        ("System", f"{machine['os']}, {machine['arch']}"),
        ("CPU", f"{machine['cpu']}, {machine['cores']} cores"),
        ("Memory", memory),
        ("Instructions", " ".join(machine["cpu_flags"]) or "not readable"),
        ("Fast int8", " ".join(report["fast_int8"]) or "no: int8 files are small here, and hardly faster"),
        ("Governor", machine["governor"] or "not readable"),
        ("Throttled", _throttling(report["throttling"])),
    ]
    for found in report["runtimes"]:
        state = "works" if found["works"] else found["problem"]
        rows.append((found["runtime"], f"{found['version'] or ''} {state}".strip()))
        rows.append(("  wheel", found["wheel"] or found["no_wheel"]))
    rows += [
        ("GPU", f"{_listed(gpu['vulkan'])} (Vulkan); ONNX Runtime: {_listed(gpu['onnxruntime'])}"),
        ("Camera", f"{_listed(camera['names'])} ({camera['library'] or 'no library'})"),
    ]
    for extra, missing in report["extras"].items():
        rows.append((f"[{extra}]", "complete" if not missing else f"lacks {', '.join(missing)}"))
    return rows


def _throttling(words: dict[str, list[str]] | None) -> str:
    if words is None:
        return "not readable"
    now = f"yes: {', '.join(words['now'])}" if words["now"] else "no"
    earlier = [word for word in words["since_start"] if word not in words["now"]]
    return now + (f"; since it was switched on: {', '.join(earlier)}" if earlier else "")


def _listed(names: list[str] | None) -> str:
    return ", ".join(names or []) or "none"


def _wrapped(name: str, value: str) -> list[str]:
    return textwrap.wrap(
        value, WIDTH, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
