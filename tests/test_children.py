"""Children never import what lies in the current folder, and a signal leaves no worker and no temporary folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cnnedge.children import code_command, ending_in_order, module_command

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hostile(tmp_path, monkeypatch) -> Path:
    """A current folder whose ``numpy.py`` says that it was run."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in ("numpy.py", "json.py", "psutil.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path / "was_run"


def test_a_child_finds_the_package_and_not_the_folder(hostile):
    done = subprocess.run(code_command("import cnnedge, numpy, sys; print(sys.argv[1])", "x"), capture_output=True)
    assert done.stdout.decode().strip() == "x" and not hostile.exists()


def test_python_m_runs_no_module_of_the_current_folder(hostile, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run([sys.executable, "-m", "cnnedge", "train", "--list"], capture_output=True, check=False)
    assert done.returncode == 0 and b"mnist-tiny" in done.stdout and not hostile.exists()


@pytest.mark.parametrize("command", [["doctor"], ["benchmark", "{file}", "--data", "{data}", "--num-runs", "2"]])
def test_commands_run_no_numpy_of_the_current_folder(hostile, command, digit_folder):
    file = ROOT / "exported" / "mnist" / "mnist_int8.tflite"
    words = [word.format(file=file, data=digit_folder) for word in command]
    subprocess.run(module_command("cnnedge", *words), capture_output=True, check=False, timeout=300)
    assert not hostile.exists()


def test_sigterm_ends_workers_and_removes_temporary_folders(tmp_path, digit_folder):
    """As a service manager or a container ends it, in the middle of the timing."""
    file = ROOT / "exported" / "mnist" / "mnist_float32.tflite"
    command = module_command("cnnedge", "benchmark", str(file), "--data", str(digit_folder), "--num-runs", "20000")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stderr:
        if line.startswith("warm up"):
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers and list(tmp_path.glob("cnnedge-benchmark-*"))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def hang_up_ends():
    """SIGHUP as it is in a terminal; under ``nohup`` it is ignored, and stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_ending_runs_what_stands_in_finally(hang_up_ends):
    done = []
    with pytest.raises(SystemExit) as raised, ending_in_order():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(5)
        finally:
            done.append("ended")
    assert done == ["ended"] and raised.value.code == 128 + signal.SIGHUP
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


SWALLOWED = """
import gc, os, signal, sys, time
from cnnedge.children import ending_in_order
def swallow(phase, info):
    if phase == "start" and not sent:
        sent.append(phase)
        os.kill(os.getpid(), signal.Signals[sys.argv[1]])
sent = []
with ending_in_order():
    gc.callbacks.append(swallow)
    try:
        gc.collect()
        time.sleep(10)
        print("went on")
    finally:
        print("in order", flush=True)
"""


@pytest.mark.parametrize("name, code", [("SIGTERM", 128 + signal.SIGTERM), ("SIGINT", -signal.SIGINT)])
def test_a_signal_that_a_collection_swallows_comes_again(name, code):
    done = subprocess.run(code_command(SWALLOWED, name), capture_output=True, text=True, timeout=9, check=False)
    assert (done.returncode, done.stdout) == (code, "in order\n")
    assert "Exception ignored" not in done.stderr


SPINS = """
from cnnedge.children import limit_work
limit_work(10**9, 1)
while True:
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_child_that_nobody_waits_for_any_more_ends_by_itself():
    assert subprocess.run(code_command(SPINS), timeout=60, check=False).returncode == -signal.SIGXCPU
