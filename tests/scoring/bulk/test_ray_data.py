"""A Ray cluster that goes while pictures are labelled: one line, and what is labelled is kept."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

TINY = Path(__file__).parents[3] / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"
PATIENCE_S = 240
# A token in the user's folder, which any local cluster leaves there, would be asked for; and Ray waits for a minute.
ENVIRONMENT = os.environ | {"RAY_AUTH_MODE": "disabled", "RAY_gcs_rpc_server_reconnect_timeout_s": "20"}


@pytest.fixture
def cluster():
    """The address of a cluster of one core, and its first process, which the others end with."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=1"]
    with subprocess.Popen(
        [*ray, f"--port={port}", "--include-dashboard=false", "--disable-usage-stats"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        env=ENVIRONMENT,
    ) as head:  # fmt: skip
        assert any("Ray runtime started" in line for line in head.stdout)
        yield f"127.0.0.1:{port}", psutil.Process(head.pid)
        _end(psutil.Process(head.pid))


def _end(head: psutil.Process) -> None:
    for process in [*head.children(recursive=True), head]:
        process.send_signal(signal.SIGKILL)


def _wait_for(condition) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.5)


@pytest.mark.slow
def test_a_cluster_that_vanishes_is_one_line_and_nothing_is_lost(cluster, tmp_path):
    address, head = cluster
    out = tmp_path / "labels"
    command = [sys.executable, "-m", "cnnedge", "score", str(TINY), "--data", "synthetic:400000", "--out", str(out)]
    with subprocess.Popen(
        [*command, "--engine", "ray", "--ray-address", address, "--workers", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=ENVIRONMENT,
    ) as labelling:  # fmt: skip
        _wait_for(lambda: list(out.glob("part-*.parquet")) or labelling.poll() is not None)
        _end(head)
        said = labelling.communicate(timeout=PATIENCE_S)[0]
    assert labelling.returncode == 1, said
    *progress, last = said.splitlines()
    assert last.startswith("error: Ray") and last.endswith("what is labelled is kept; go on with --resume")
    assert all(line.startswith(("list pictures: ", "label pictures: ")) for line in progress)
    assert list(out.glob("part-*.parquet")), said
