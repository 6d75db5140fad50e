"""What others measure of the same file, to hold this benchmark's median against.

TFLite: ``litert-benchmark``, which comes with ai-edge-litert. ONNX: a plain loop around ``session.run`` in
a process of its own. ONNX Runtime's wheel brings no benchmark; its profiler is no use here, since it slows
a small network's run down by half (70 to 100 us a call became 144 us).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cnnedge.errors import CnnedgeError

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
        return "a plain loop", float(_output([sys.executable, "-c", _PLAIN_LOOP, str(file)]))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        tool = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", str(file)]
        runs = ["--num_runs", "400", "--warmup_runs", "100", "--num_threads", "1", "--result_json", str(result)]
        _output([*tool, *runs])
        return "litert-benchmark", float(json.loads(result.read_text())["latency"]["median_ms"])


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CnnedgeError(f"the program to compare with ended with exit code {done.returncode}: {reason}")
    return done.stdout
