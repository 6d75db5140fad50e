"""The graph that ONNX Runtime really runs on a machine, saved and counted.

Also a program for a machine without the package ``onnx``, such as the emulated Raspberry Pi:

    python optimized_graph.py FILE.onnx OPTIMIZED.onnx
"""

import collections
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def save_optimized(content: bytes, path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def count_kernels(optimized: "onnx.ModelProto") -> dict[str, int]:
    """How many convolution and dense kernels an optimized graph runs, by kind."""
    counts = collections.Counter(node.op_type for node in optimized.graph.node)
    return {kind: count for kind, count in counts.items() if "Conv" in kind or "Gemm" in kind or "MatMul" in kind}


if __name__ == "__main__":
    save_optimized(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]))
