import dataclasses
import platform
import struct
import sys

import pytest

from cnnedge.machine.probe import PACKAGES
from cnnedge.machine.wheels import WHEELS, Place, wheel

PI = Place("Linux", "aarch64", 64, (3, 11), ("glibc", "2.36"))


def test_every_runtime_is_in_the_table():
    assert set(WHEELS) == set(PACKAGES.values())


@pytest.mark.parametrize("package", WHEELS)
def test_this_machine_has_what_is_installed_here(package):
    here = Place(
        platform.system(), platform.machine(), struct.calcsize("P") * 8, sys.version_info[:2], platform.libc_ver()
    )
    name, reason = wheel(package, here)
    assert reason is None and name.startswith(f"{package.replace('-', '_')}-{WHEELS[package].version}-cp3")


def test_raspberry_pi_os():
    assert wheel("ai-edge-litert", PI) == ("ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_aarch64.whl", None)
    trixie = dataclasses.replace(PI, python=(3, 13), libc=("glibc", "2.41"))
    assert wheel("onnxruntime", trixie) == ("onnxruntime-1.32.0-cp313-cp313-manylinux_2_28_aarch64.whl", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bits": 32}, "has no wheel for armv7l on Linux"),
        ({"machine": "armv6l", "bits": 32}, "has no wheel for armv6l on Linux"),
        ({"machine": "riscv64"}, "has no wheel for riscv64 on Linux"),
        ({"system": "Darwin", "machine": "x86_64"}, "has no wheel for x86_64 on Darwin"),
        ({"python": (3, 9)}, "has no wheel for Python 3.9, only for 3.10 to 3.14"),
        ({"libc": ("glibc", "2.24")}, "needs glibc 2.27 or later, this system has glibc 2.24"),
        ({"libc": ("", "")}, "needs glibc 2.27 or later, this system has another C library"),
    ],
)
def test_why_there_is_none(change, reason):
    assert wheel("ai-edge-litert", dataclasses.replace(PI, **change)) == (None, f"ai-edge-litert {reason}")
