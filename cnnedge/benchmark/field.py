"""What others measure of the same file, to hold this benchmark's median against.

TFLite: ``litert-benchmark``, which comes with ai-edge-litert. ONNX: a plain loop around ``session.run`` in a
process of its own, since ONNX Runtime's wheel brings no benchmark; and ONNX Runtime's own clock, its profiler.
Profiling costs about 100 us a call (254 became 354 us), so the two clocks are compared on the very same calls.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from cnnedge.benchmark.calls import time_calls
from cnnedge.children import code_command, module_command
from cnnedge.errors import CnnedgeError

PROFILED_RUNS = 400

_PLAIN_LOOP = """
import statistics, sys, time
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
tensor = session.get_inputs()[0]
shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
image = np.full(shape, 128, np.uint8 if "uint8" in tensor.type else np.float32)
times = []
for _ in range(500):
    start = time.perf_counter()
    session.run(None, {tensor.name: image})
    times.append(time.perf_counter() - start)
print(1000 * statistics.median(times[100:]))
"""


def field_median_ms(file: Path) -> tuple[str, float]:
    """Who measured, and the median in ms of one call with one thread.

    Raises:
        CnnedgeError: the other program failed.
    """
    if file.suffix == ".onnx":
        return "a plain loop", float(_output(code_command(_PLAIN_LOOP, str(file))))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        tool = module_command("ai_edge_litert.tools.benchmark_litert_model", "--model", str(file))
        runs = ["--num_runs", "400", "--warmup_runs", "100", "--num_threads", "1", "--result_json", str(result)]
        _output([*tool, *runs])
        return "litert-benchmark", float(json.loads(result.read_text())["latency"]["median_ms"])


def same_calls_ms(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same calls of an ONNX file with one thread, in ms, float64 ``(runs,)`` each: by this benchmark's clock, and
    by ONNX Runtime's own, the ``model_run`` events of its profile."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        tensor = session.get_inputs()[0]
        shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
        image = np.full(shape, 128, np.uint8 if "uint8" in tensor.type else np.float32)
        ours = time_calls(lambda batch: session.run(None, {tensor.name: batch}), [image] * PROFILED_RUNS, seconds=60)
        events = json.loads(Path(session.end_profiling()).read_text())
    # The calls to warm up come first and are not among ours.
    theirs = [event["dur"] for event in events if event["name"] == "model_run"][-len(ours) :]
    if len(theirs) != len(ours):
        raise CnnedgeError(f"ONNX Runtime's profile holds {len(theirs)} runs, expected {len(ours)}")
    return np.array(ours) / 1e6, np.array(theirs) / 1e3


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CnnedgeError(f"the program to compare with ended with exit code {done.returncode}: {reason}")
    return done.stdout
