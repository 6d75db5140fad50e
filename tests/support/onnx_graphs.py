"""What an ONNX file becomes on this machine, and the codes of its weights."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from tests.support.optimized_graph import count_kernels, save_optimized


def optimized(content: bytes) -> onnx.ModelProto:
    """The graph that ONNX Runtime really runs on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        save_optimized(content, path)
        return onnx.load(path)


def fused_kernels(content: bytes) -> dict[str, int]:
    """How many convolution and dense kernels run on this machine, by kind."""
    return count_kernels(optimized(content))


def weight_codes(content: bytes) -> list[np.ndarray]:
    graph = onnx.load_from_string(content).graph
    arrays = [numpy_helper.to_array(item) for item in graph.initializer]
    return [array for array in arrays if array.dtype == np.int8 and array.ndim > 1]
