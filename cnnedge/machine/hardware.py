"""The machine behind the figures: what it is, and what it was doing besides."""

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from cnnedge.documents.circumstances import Facts

# The instructions that decide how fast int8 and float kernels run, as Linux spells them. x86: avx2 and fma
# carry the float kernels, avx512_vnni, avx_vnni and amx_int8 multiply int8 four at a time; Arm: asimd,
# asimddp (the int8 dot product), i8mm (int8 matrix product), asimdhp (float16 arithmetic).
FLAGS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8",
    "avx512_bf16", "asimd", "asimdhp", "asimddp", "i8mm", "sve",
)  # fmt: skip
PACKAGES = (
    "cnnedge", "numpy", "ai-edge-litert", "onnxruntime", "tensorflow", "keras", "tf_keras",
    "tensorflow-model-optimization", "tf2onnx",
)  # fmt: skip
# Drivers of the sensors in x86 CPUs, for machines without thermal zones.
CPU_SENSORS = ("coretemp", "k10temp", "zenpower")
_CPU = Path("/sys/devices/system/cpu")
# Bits of the Raspberry Pi's get_throttled; the same 16 bits higher: at any time since it was switched on.
THROTTLING = ("too little voltage", "a capped clock", "throttling", "the temperature limit near")
_SINCE_START = 16
_FIRMWARE = Path("/sys/devices/platform/soc")


def cores() -> int:
    """The processors that this process may use: all, or those that a container or ``taskset`` leaves it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_facts() -> Facts:
    """The facts of this machine."""
    information = _cpu_information()
    present = {flag for key in ("flags", "Features") for flag in information.get(key, "").split()}
    return Facts(
        cpu=_board() or _cpu_name(information),
        cores=os.cpu_count() or 1,
        cpu_flags=[flag for flag in FLAGS if flag in present],
        arch=platform.machine(),
        os=_os_name(),
        python=platform.python_version(),
        governor=_read(_CPU / "cpu0/cpufreq/scaling_governor"),
        virtual="hypervisor" in information.get("flags", "").split(),
        memory_mb=psutil.virtual_memory().total // 1_000_000,
        packages=_versions(),
    )


@dataclass(frozen=True)
class Sensors:
    """``temperature_c``: the hottest sensor; ``mhz``: the mean clock of the cores; ``throttled``: True while a
    Raspberry Pi slows itself down; ``throttle_events``: how often the cores of an Intel CPU did for heat since boot.
    None for what the machine does not tell."""

    temperature_c: float | None
    mhz: int | None
    throttled: bool | None
    throttle_events: int | None = None


@dataclass(frozen=True)
class Load:
    """What the machine does at one moment.

    ``at``: a monotonic clock in seconds; ``busy``: fraction of all cores busy in the half second before;
    ``steal_s``: seconds that a hypervisor took since boot; the rest as in ``Sensors``.
    """

    at: float
    busy: float
    steal_s: float
    load_1min: float
    temperature_c: float | None
    throttled: bool | None
    mhz: int | None
    throttle_events: int | None = None


def read_sensors() -> Sensors:
    """The temperature and the clock now."""
    frequency = psutil.cpu_freq()
    mhz = round(frequency.current) if frequency else None
    return Sensors(_temperature(), mhz, _throttled(), _throttle_events())


def read_load() -> Load:
    """Watch the machine for half a second."""
    busy = psutil.cpu_percent(interval=0.5) / 100
    return Load(
        at=time.monotonic(),
        busy=busy,
        steal_s=float(getattr(psutil.cpu_times(), "steal", 0.0)),
        load_1min=psutil.getloadavg()[0],
        **asdict(read_sensors()),
    )


def conditions(before: Load, after: Load) -> dict[str, Any]:
    """The circumstances of a measurement between two readings, for the document."""
    seconds = max(after.at - before.at, 1e-9)
    return {
        "busy_before": round(before.busy, 3),
        "load_1min": round(before.load_1min, 2),
        "steal": round((after.steal_s - before.steal_s) / (seconds * (os.cpu_count() or 1)), 4),
        "temperature_c": [before.temperature_c, after.temperature_c],
        "mhz": [before.mhz, after.mhz],
        "throttled": any_throttled([before, after]),
    }


def any_throttled(readings: Sequence[Load | Sensors]) -> bool | None:
    """Whether the machine slowed itself down at one of the readings, or between the first and the last."""
    told = [reading.throttled for reading in readings if reading.throttled is not None]
    first, last = readings[0].throttle_events, readings[-1].throttle_events
    if first is not None and last is not None:
        told.append(last > first)
    return any(told) if told else None


def _cpu_information() -> dict[str, str]:
    """The first processor of /proc/cpuinfo, plus the lines that describe the whole board."""
    text = _read(Path("/proc/cpuinfo")) or ""
    pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line]
    information: dict[str, str] = {}
    for key, value in pairs:
        information.setdefault(key.strip(), value.strip())
    return information


def _cpu_name(information: dict[str, str]) -> str:
    name = information.get("model name") or information.get("Hardware") or platform.processor()
    return name or platform.machine()


def _board() -> str | None:
    """The name of a single-board computer, such as "Raspberry Pi 4 Model B Rev 1.5"."""
    name = _read(Path("/proc/device-tree/model"))
    return name.rstrip("\0") if name else None


def _os_name() -> str:
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}"
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _temperature() -> float | None:
    zones = Path("/sys/class/thermal").glob("thermal_zone*/temp")
    readings = [int(text) / 1000 for zone in zones if (text := _read(zone)) and text.lstrip("-").isdigit()]
    if not readings and hasattr(psutil, "sensors_temperatures"):
        found = psutil.sensors_temperatures()
        readings = [sensor.current for driver in CPU_SENSORS for sensor in found.get(driver, ())]
    return max(readings, default=None)


def _throttle_events() -> int | None:
    counters = [_read(core) for core in _CPU.glob("cpu*/thermal_throttle/core_throttle_count")]
    return sum(int(text) for text in counters if text and text.isdigit()) if counters else None


def throttle_bits() -> int | None:
    """``get_throttled`` of a Raspberry Pi's firmware, from vcgencmd or else from the kernel; None elsewhere.

    Bits 0 to 3 are what holds now (under-voltage, clock capped, throttled, near the temperature limit), bits 16 to 19
    the same at any time since it was switched on.
    """
    if shutil.which("vcgencmd") is not None:
        command = ["vcgencmd", "get_throttled"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("=")[2]
    else:
        answer = next(filter(None, map(_read, _FIRMWARE.glob("*firmware/get_throttled"))), "")
    try:
        return int(answer.strip(), 16)
    except ValueError:
        return None


@dataclass(frozen=True)
class Throttling:
    """Why a Raspberry Pi slows itself down ``now``, and did at any time ``since_start``, in words."""

    now: list[str]
    since_start: list[str]


def throttling(bits: int | None) -> Throttling | None:
    """What ``throttle_bits`` says; None if it says nothing."""
    if bits is None:
        return None
    return Throttling(
        now=[word for bit, word in enumerate(THROTTLING) if bits >> bit & 1],
        since_start=[word for bit, word in enumerate(THROTTLING, _SINCE_START) if bits >> bit & 1],
    )


def _throttled() -> bool | None:
    bits = throttle_bits()
    return None if bits is None else bool(bits & 0xF)


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
