"""Workers that cannot work: the driver says why in one line."""

import subprocess
import sys
from pathlib import Path

TINY = Path(__file__).parents[3] / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"
# A worker imports the script that started its driver; this one then finds what a machine without memory gives.
BROKEN_WORKER = """
import threading
from cnnedge.__main__ import main
def full(thread):
    raise RuntimeError("can't start new thread")
if __name__ == "__main__":
    main()
else:
    threading.Thread.start = full
"""


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
    reason = "exit code 1, RuntimeError: can't start new thread"
    assert last == f"error: workers end before they label a picture ({reason}): is there memory for them?"
    assert all(line.startswith(("list pictures", "label pictures")) for line in progress)
