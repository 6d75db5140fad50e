"""Whether a GPU can be used here, by which runtime; each is tried, none is assumed.

Every probe runs in a process of its own, since a driver that does not fit may end the process it is loaded
into. A probe prints one line: ``yes`` with what it found, or the reason why not.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROBE_SECONDS = 120.0
_TENSORFLOW = """
import tensorflow as tf
found = tf.config.list_physical_devices("GPU")
print("yes " + found[0].name if found else "it finds no GPU")
"""
_LITERT = """
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
try:
    CompiledModel.from_file(sys.argv[1], hardware_accel=HardwareAccelerator.GPU)
    print("yes GPU accelerator")
except RuntimeError as error:
    print("its GPU accelerator does not start: " + " ".join(str(error).split()))
"""
# A provider that is compiled in may still fall back to the CPU without a word: only a session tells.
_ONNX_RUNTIME = """
import onnxruntime as ort
wanted = [name for name in ort.get_available_providers() if name.startswith(("CUDA", "WebGpu"))]
if not wanted:
    print("the installed build has neither the CUDA nor the WebGPU provider")
elif len(sys.argv) > 1:
    used = ort.InferenceSession(sys.argv[1], providers=wanted).get_providers()[0]
    print("yes " + used if used in wanted else "it falls back to " + used)
else:
    print("yes " + wanted[0])
"""


def gpu_runtimes(files: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Try every runtime that could run on a GPU: what works, and what is missing, one phrase each.

    ``files`` are those to be measured; LiteRT and ONNX Runtime are tried with the first of theirs.
    """
    works: list[str] = []
    missing: list[str] = []
    for name, package, script, suffix in (
        ("TensorFlow", "tensorflow", _TENSORFLOW, None),
        ("LiteRT", "ai_edge_litert", _LITERT, ".tflite"),
        ("ONNX Runtime", "onnxruntime", _ONNX_RUNTIME, ".onnx"),
    ):
        file = next((path for path in files if path.suffix == suffix), None)
        if suffix == ".tflite" and file is None:
            missing.append(f"{name}: no .tflite file to try its GPU accelerator with")
            continue
        answer = probe(script, package, file)
        (works if answer.startswith("yes ") else missing).append(f"{name}: {answer.removeprefix('yes ')}")
    return works, missing


def probe(script: str, package: str, file: Path | None) -> str:
    """Run one probe and return its last line, or what became of its process."""
    guard = f"import importlib.util, sys\nif importlib.util.find_spec({package!r}) is None:\n" \
            "    print('it is not installed')\n    raise SystemExit\n"  # fmt: skip
    command = [sys.executable, "-c", guard + script, *([str(file)] if file else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it gave no answer within {PROBE_SECONDS:g} s"
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    if done.returncode != 0:
        return f"it failed with exit code {done.returncode}{f' ({lines[-1]})' if lines else ''}"
    return lines[-1] if lines else "it gave no answer"
