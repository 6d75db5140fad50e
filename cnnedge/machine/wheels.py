"""Which wheels the runtimes have: what ``pip`` would install here, and why it would find nothing.

As published in November 2026; later releases have more of them, not fewer.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Wheels:
    """One release: ``pythons`` is the first and last minor version of Python 3, ``platforms`` the tag for each
    ``(system, machine)`` as ``platform`` spells them."""

    version: str
    pythons: tuple[int, int]
    platforms: dict[tuple[str, str], str]


WHEELS = {
    "ai-edge-litert": Wheels("2.3.0", (10, 14), {
        ("Linux", "x86_64"): "manylinux_2_27_x86_64", ("Linux", "aarch64"): "manylinux_2_27_aarch64",
        ("Darwin", "arm64"): "macosx_12_0_arm64", ("Windows", "AMD64"): "win_amd64",
    }),
    "onnxruntime": Wheels("1.32.0", (11, 14), {
        ("Linux", "x86_64"): "manylinux_2_28_x86_64", ("Linux", "aarch64"): "manylinux_2_28_aarch64",
        ("Darwin", "arm64"): "macosx_14_0_arm64", ("Windows", "AMD64"): "win_amd64",
    }),
}  # fmt: skip
# A 32-bit system on a 64-bit kernel, as Raspberry Pi OS has it, names the kernel's machine.
_MACHINE_32 = {"aarch64": "armv7l", "x86_64": "i686", "AMD64": "x86"}
_GLIBC = re.compile(r"manylinux_(\d+)_(\d+)_")


@dataclass(frozen=True)
class Place:
    """Where a wheel would be installed: ``libc`` is ``platform.libc_ver()``, such as ``("glibc", "2.36")``."""

    system: str
    machine: str
    bits: int
    python: tuple[int, int]
    libc: tuple[str, str]


def wheel(package: str, place: Place) -> tuple[str | None, str | None]:
    """The file name of the package's wheel for ``place``, or None and the reason why there is none."""
    wheels = WHEELS[package]
    machine = place.machine if place.bits == 64 else _MACHINE_32.get(place.machine, place.machine)
    tag = wheels.platforms.get((place.system, machine))
    if tag is None:
        return None, f"{package} has no wheel for {machine} on {place.system}"
    major, minor = place.python
    first, last = wheels.pythons
    if major != 3 or not first <= minor <= last:
        return None, f"{package} has no wheel for Python {major}.{minor}, only for 3.{first} to 3.{last}"
    needed = _GLIBC.match(tag)
    if needed and not _has_glibc(place.libc, (int(needed[1]), int(needed[2]))):
        library = " ".join(place.libc).strip() or "another C library"
        return None, f"{package} needs glibc {needed[1]}.{needed[2]} or later, this system has {library}"
    return f"{package.replace('-', '_')}-{wheels.version}-cp3{minor}-cp3{minor}-{tag}.whl", None


def _has_glibc(libc: tuple[str, str], needed: tuple[int, int]) -> bool:
    name, version = libc
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return name == "glibc" and numbers is not None and (int(numbers[1]), int(numbers[2])) >= needed
