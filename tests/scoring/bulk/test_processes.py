"""Workers that cannot work: the driver says why in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[3] / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"
# A worker imports the script that started its driver, and has a quarter of a gigabyte of addresses from then on.
BROKEN_WORKER = """
import resource
from cnnedge.__main__ import main
if __name__ == "__main__":
    main()
else:
    resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's here")
def test_workers_without_memory_are_one_line(tmp_path):
    script = tmp_path / "limited.py"
    script.write_text(BROKEN_WORKER)
    command = [
        sys.executable,
        str(script),
        "score",
        str(TINY),
        "--data",
        "synthetic:10",
        "--out",
        str(tmp_path / "out"),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    *progress, last = said.stderr.splitlines()
    assert last.startswith("error: workers end before they label a picture (exit code ")
    assert last.endswith("): is there memory for them?")
    assert all(line.startswith(("list pictures", "label pictures")) for line in progress)
