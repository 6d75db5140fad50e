import signal
import sys

import pytest

from cnnedge.runtime import probe


@pytest.mark.parametrize("runtime", list(probe.PACKAGES))
def test_the_runtimes_of_this_machine_work(runtime):
    found = probe.probe(runtime)
    assert (found.works, found.problem) == (True, None)
    assert found.version


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
