"""Whether a GPU can be used here: the first file of each format is opened there before the long work begins.

Each is opened in a process of its own, since a driver that does not fit may end the process it is loaded into.
"""

import json
import subprocess
from collections.abc import Sequence

from cnnedge.benchmark.candidate import Candidate
from cnnedge.children import code_command
from cnnedge.errors import CnnedgeError

PROBE_SECONDS = 120.0
# Prints one line at the end: the runtime that opened the file, after "yes", or the reason why none did.
_OPEN = """
import importlib, json, sys
from cnnedge.errors import CnnedgeError
module, _, function = sys.argv[1].partition(":")
try:
    runner = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    print("yes", runner.runtime, flush=True)
except CnnedgeError as error:
    print(" ".join(str(error).split()), flush=True)
"""
_RUNTIMES = {"keras": "Keras", "tflite": "LiteRT", "onnx": "ONNX Runtime"}


def require_gpu(candidates: Sequence[Candidate]) -> list[str]:
    """The runtimes that open one of these files on a GPU here, one phrase each.

    Raises:
        CnnedgeError: none does; the message says what each lacks.
    """
    works, missing = gpu_refusals(candidates)
    if not works:
        raise CnnedgeError(f"--device gpu: no GPU can be used here. {'; '.join(missing)}")
    return works


def gpu_refusals(candidates: Sequence[Candidate]) -> tuple[list[str], list[str]]:
    """Try a GPU with the first of each format among ``candidates``: what works, and what is missing, one phrase
    each."""
    works: list[str] = []
    missing: list[str] = []
    for format, runtime in _RUNTIMES.items():
        first = next((candidate for candidate in candidates if candidate.format == format), None)
        if first is not None:
            answer = probe(first)
            (works if answer.startswith("yes ") else missing).append(f"{runtime}: {answer.removeprefix('yes ')}")
    return works, missing


def probe(candidate: Candidate) -> str:
    """Open ``candidate`` in a process of its own: ``yes`` and its runtime, or the reason why not."""
    command = code_command(_OPEN, candidate.opener, json.dumps(candidate.options))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it gave no answer within {PROBE_SECONDS:g} s"
    lines = done.stdout.strip().splitlines()
    if lines:
        return lines[-1]
    last_words = done.stderr.strip().splitlines()[-1:]
    return f"its process ended with exit code {done.returncode}{''.join(f' ({line})' for line in last_words)}"
