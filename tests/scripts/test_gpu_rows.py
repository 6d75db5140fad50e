"""The script for machines with a GPU: without one it refuses, says what is missing, and leaves nothing behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnnedge.machine.vulkan import adapters

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(bool(adapters()), reason="this machine has a GPU or a software adapter")
def test_without_a_gpu_it_is_a_refusal(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for name in ("mnist_int8.tflite", "mnist_float32.onnx"):
        shutil.copy(REPOSITORY / "exported" / "mnist" / name, files)
    environment = os.environ | {"CNNEDGE_GPU_OUT": str(tmp_path / "out"), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [REPOSITORY / "scripts" / "gpu_rows", files, sys.executable], capture_output=True, text=True, cwd=tmp_path,
        env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and list((tmp_path / "out").iterdir()) == []
    assert "no GPU can be used here. LiteRT: " in done.stderr and "onnxruntime-webgpu" in done.stderr
    assert done.stderr.endswith("no GPU row was measured: what is missing stands above, and cnnedge doctor says more\n")
