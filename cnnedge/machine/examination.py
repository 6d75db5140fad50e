"""What this machine can run: every runtime tried, cameras and GPUs looked for, missing packages named."""

import re
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cnnedge.documents.circumstances import Facts
from cnnedge.machine.gpus import GPU_PROVIDERS
from cnnedge.machine.hardware import Throttling, machine_facts, read_load, throttle_bits, throttling
from cnnedge.machine.probe import PACKAGES, Cameras, Probe, cameras, probe, vulkan_devices

# The instructions that multiply int8 four at a time; without one, int8 files are small but hardly faster.
FAST_INT8 = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"}
EXTRAS = ("onnx", "report", "demo", "build")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([A-Za-z0-9_-]+)['\"]")


@dataclass(frozen=True)
class RuntimeState:
    """One runtime, and the ``wheel`` that pip would install here, or why there is ``no_wheel``."""

    runtime: str
    version: str | None
    works: bool
    problem: str | None
    wheel: str | None
    no_wheel: str | None


@dataclass(frozen=True)
class Gpus:
    """``vulkan``: the devices for LiteRT; ``problem``: what became of the look for them; ``onnxruntime``: its
    providers for GPUs, None if it does not work."""

    vulkan: list[str]
    problem: str | None
    onnxruntime: list[str] | None


@dataclass(frozen=True)
class Examination:
    """Everything that ``cnnedge doctor`` knows; ``extras``: packages that each install extra lacks."""

    machine: Facts
    bits: int
    memory_available_mb: int
    fast_int8: list[str]
    temperature_c: float | None
    throttled: bool | None
    throttling: Throttling | None
    runtimes: list[RuntimeState]
    gpu: Gpus
    camera: Cameras
    extras: dict[str, list[str]]


def examine() -> Examination:
    """Examine this machine: some seconds, mostly in child processes."""
    import psutil

    machine, load, bits = machine_facts(), read_load(), struct.calcsize("P") * 8
    probes = [probe(runtime) for runtime in PACKAGES]
    return Examination(
        machine=machine,
        bits=bits,
        memory_available_mb=psutil.virtual_memory().available // 1_000_000,
        fast_int8=sorted(FAST_INT8 & set(machine.cpu_flags)),
        temperature_c=load.temperature_c,
        throttled=load.throttled,
        throttling=throttling(throttle_bits()),
        runtimes=[_state(found, bits) for found in probes],
        gpu=_gpus(probes),
        camera=cameras(),
        extras={extra: missing(extra) for extra in EXTRAS},
    )


def _state(found: Probe, bits: int) -> RuntimeState:
    import platform

    from cnnedge.machine.wheels import Place, wheel

    here = Place(platform.system(), platform.machine(), bits, sys.version_info[:2], platform.libc_ver())
    name, reason = wheel(PACKAGES[found.runtime], here)
    return RuntimeState(found.runtime, found.version, found.works, found.problem, name, reason)


def _gpus(probes: Sequence[Probe]) -> Gpus:
    devices = vulkan_devices()
    (onnxruntime,) = (found for found in probes if found.runtime == "ONNX Runtime")
    providers = [name for name in onnxruntime.providers if name in GPU_PROVIDERS]
    return Gpus(devices.names, devices.problem, providers if onnxruntime.works else None)


def missing(extra: str) -> list[str]:
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
            names += missing(nested[1])
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
