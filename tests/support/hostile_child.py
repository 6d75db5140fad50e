"""A process that opens hostile files one after the other and says what became of each; it must live through all.

python -m tests.support.hostile_child tflite FIRST LAST
"""

import importlib
import sys

from cnnedge.benchmark.memory import peak_bytes
from cnnedge.errors import CnnedgeError
from cnnedge.formats.inspection import inspect
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.runtime.rehearsal import rehearse, rehearse_apart


def outcome(content: bytes, format: str) -> str:
    """``refused`` by the reader or the check, ``failed`` in the runtime, or ``ran``."""
    try:
        file = open_model_file(content, format)
        inspect(file)
        file.check_runnable()
    except CnnedgeError:
        return "refused"
    if file.needs_rehearsal:  # a process for each file would take a second; one in a hundred must do
        return _tried_apart(file) if int(file.sha256, 16) % 100 == 0 else "apart"
    try:
        rehearse(file)
    except CnnedgeError:
        return "failed"
    return "ran"


def _tried_apart(file: ModelFile) -> str:
    try:
        rehearse_apart(file)
    except CnnedgeError:
        return "failed"
    return "ran"


def main() -> None:
    format, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hostile = importlib.import_module(f"tests.support.hostile_{format}").hostile
    # The peak is not ``ru_maxrss``, in which Linux counts what the parent held at the fork: more than a gigabyte where
    # tests have loaded TensorFlow.
    for seed in range(first, last):
        print(f"start {seed}", flush=True)
        found = outcome(hostile(seed), format)
        print(f"{found} {seed} {peak_bytes() // 2**20}", flush=True)


if __name__ == "__main__":
    main()
