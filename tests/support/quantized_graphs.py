"""Small graphs from codes to codes, before and after the rules of ``convert.kernels``."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cnnedge.convert.kernels.rewriting import with_integer_kernels
from tests.support.onnx_graphs import optimized

SCALE, ZERO_POINT = 0.04, 100
OUT_SCALE, OUT_ZERO_POINT = 0.05, 90


def graph(nodes: list, constants: dict, shape: tuple, *, given: tuple = (OUT_SCALE, OUT_ZERO_POINT)) -> onnx.ModelProto:
    """Codes ``taken`` (N, *shape) become ``x``, ``nodes`` make ``y`` of it, and that becomes the codes ``given``."""
    held = {name: np.asarray(value) for name, value in constants.items()}
    held |= {"scale": np.float32(SCALE), "zero": np.uint8(ZERO_POINT)}
    held |= {"out_scale": np.float32(given[0]), "out_zero": np.uint8(given[1])}
    ends = [
        helper.make_node("DequantizeLinear", ["taken", "scale", "zero"], ["x"]),
        helper.make_node("QuantizeLinear", ["y", "out_scale", "out_zero"], ["given"]),
    ]
    made = helper.make_graph(
        [ends[0], *nodes, ends[1]], "graph",
        [helper.make_tensor_value_info("taken", TensorProto.UINT8, ("N", *shape))],
        [helper.make_tensor_value_info("given", TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()],
    )  # fmt: skip
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    after = onnx.ModelProto()
    after.CopyFrom(model)
    with_integer_kernels(after)
    return after


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def answers(model: onnx.ModelProto, codes: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"taken": codes})[0]


def stays_in_integers(model: onnx.ModelProto) -> bool:
    """Whether ONNX Runtime makes nothing of it that takes or gives floats."""
    return not {"DequantizeLinear", "QuantizeLinear"} & set(kinds(optimized(model.SerializeToString())))


def values(codes: np.ndarray, scale: float = SCALE, zero_point: int = ZERO_POINT) -> np.ndarray:
    return (codes.astype("float64") - zero_point) * scale


def codes_of(values: np.ndarray, scale: float = OUT_SCALE, zero_point: int = OUT_ZERO_POINT) -> np.ndarray:
    return np.clip(np.rint(values / scale) + zero_point, 0, 255).astype("uint8")


def random_codes(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def apart(first: np.ndarray, second: np.ndarray) -> int:
    """The largest difference of codes, which have the same shape."""
    assert first.shape == second.shape
    return int(np.abs(first.astype(int) - second.astype(int)).max())
