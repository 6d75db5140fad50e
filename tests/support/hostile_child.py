"""A process that opens hostile files one after the other and says what became of each; it must live through all.

python -m tests.support.hostile_child KIND FIRST LAST EVERY, with a KIND of hostile_run.KINDS; of the files that are run
apart one in EVERY is tried.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from cnnedge.benchmark.memory import peak_bytes
from cnnedge.errors import CnnedgeError
from cnnedge.formats.inspection import inspect
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.images.decode import decode
from cnnedge.runtime.rehearsal import rehearse, rehearse_apart
from tests.support import damage


def outcome(content: bytes, format: str, every: int) -> str:
    """``refused`` by the reader or the check, ``failed`` in the runtime, ``ran``, or ``apart``: to be run in a process
    of its own, which takes half a second and is done for one in ``every``."""
    try:
        file = open_model_file(content, format)
        inspect(file)
        file.check_runnable()
    except CnnedgeError:
        return "refused"
    if file.needs_rehearsal:
        return _tried_apart(file) if int(file.sha256, 16) % every == 0 else "apart"
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


def _decoded(content: bytes) -> str:
    try:
        decode(content, (28, 28, 1))
    except CnnedgeError:
        return "refused"
    return "ran"


def _loaded(content: bytes) -> str:
    from cnnedge.model.readers.opening import load_file

    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        try:
            load_file(Path(file.name), ())
        except CnnedgeError:
            return "refused"
    return "ran"


def main() -> None:
    kind, (first, last, every) = sys.argv[1], map(int, sys.argv[2:])
    make = damage.KINDS.get(kind) or importlib.import_module(f"tests.support.hostile_{kind}").hostile
    format = kind.removeprefix("damaged-")
    whole = {"picture": _decoded, "keras": _loaded, "h5": _loaded}
    tried = whole.get(format) or (lambda content: outcome(content, format, every))
    # The peak is not ``ru_maxrss``, in which Linux counts what the parent held at the fork: more than a gigabyte where
    # tests have loaded TensorFlow.
    tried(make(0))  # what it imports is no file's fault
    for seed in range(first, last):
        print(f"start {seed}", flush=True)
        found = tried(make(seed))
        print(f"{found} {seed} {peak_bytes() // 2**20}", flush=True)


if __name__ == "__main__":
    main()
