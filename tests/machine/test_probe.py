import signal
import sys

import pytest

from cnnedge.machine import probe
from cnnedge.machine.vulkan import adapters


@pytest.mark.parametrize("runtime", list(probe.PACKAGES))
def test_the_runtimes_of_this_machine_work(runtime):
    found = probe.probe(runtime)
    assert (found.works, found.problem) == (True, None)
    assert found.version
    assert ("CPUExecutionProvider" in found.providers) == (runtime == "ONNX Runtime")


def test_a_runtime_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(probe.PACKAGES, "LiteRT", "no-such-package-of-ours")
    found = probe.probe("LiteRT")
    assert (found.version, found.problem, found.works) == (None, "not installed", False)


@pytest.fixture
def broken_python(monkeypatch, tmp_path):
    """Make the child process end in a given way, as a broken wheel would."""

    def end(shell: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{shell}\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))

    return end


@pytest.mark.parametrize(
    ("shell", "problem"),
    [
        (f"kill -{int(signal.SIGILL)} $$", "illegal instruction: this wheel was made for a newer CPU"),
        (f"kill -{int(signal.SIGSEGV)} $$", "died from SIGSEGV"),
        ("echo 'ImportError: libfoo.so' >&2; exit 1", "ImportError: libfoo.so"),
        ("exit 3", "ended with exit code 3"),
    ],
)
def test_a_runtime_that_breaks_is_told_from_here(broken_python, shell, problem):
    broken_python(shell)
    found = probe.probe("LiteRT")
    assert (found.works, found.problem) == (False, problem)


def test_a_runtime_that_hangs(broken_python, monkeypatch):
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.2)
    broken_python("exec sleep 30")
    assert probe.probe("LiteRT").problem == "gave no answer within 0 s"


@pytest.mark.parametrize("look", [probe.cameras, probe.vulkan_devices])
def test_a_driver_that_breaks_is_told_from_here(broken_python, look):
    broken_python(f"kill -{int(signal.SIGSEGV)} $$")
    found = look()
    assert (found.names, found.problem) == ([], "died from SIGSEGV")


def test_vulkan_devices_of_this_machine():
    assert probe.vulkan_devices() == probe.VulkanDevices([device.name for device in adapters()], None) or any(
        device.software for device in adapters()
    )


def test_a_camera_library_that_does_not_load(tmp_path, monkeypatch):
    (tmp_path / "picamera2.py").write_text("raise ImportError('libcamera.so.0.5')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = probe.cameras()
    assert (found.library, found.names) == ("picamera2", [])
    assert found.problem.startswith("picamera2 is installed and does not load (libcamera.so.0.5)")
