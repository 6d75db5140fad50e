"""Every quantized file through every runtime setting that there is: the answers may not depend on it."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from cnnedge.runtime.nativelog import silenced
from tests.test_exported import FILES, MODELS, images_for

IMAGES = 200
QUANTIZED = [path for path in FILES if "float" not in path.name]
TFLITE = [path for path in QUANTIZED if path.suffix == ".tflite"]
ONNX = [path for path in QUANTIZED if path.suffix == ".onnx"]
RESOLVERS = {
    "xnnpack": OpResolverType.AUTO,
    "built-in kernels": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference kernels": OpResolverType.BUILTIN_REF,
}
LEVELS = {
    "no optimization": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


@pytest.fixture(scope="module")
def images():
    return {name: images_for(name).images[:IMAGES] for name in MODELS}


def tflite_answers(path: Path, images: np.ndarray, resolver: OpResolverType, threads: int) -> np.ndarray:
    """Probabilities (N, classes), dequantized."""
    with silenced():
        interpreter = Interpreter(
            model_content=path.read_bytes(), experimental_op_resolver_type=resolver, num_threads=threads
        )
        interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for image in images.astype(source["dtype"]):
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(target["index"])[0].astype("float32"))
    scale, zero_point = target["quantization"]
    return (np.array(found) - zero_point) * scale if scale else np.array(found)


def onnx_answers(path: Path, images: np.ndarray, level, threads: int) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


# One rounding of a code may differ between kernels (half up against half to even after rescaling), and dynamic files
# quantize activations on the fly in two ways (per tensor in the built-in kernels, per row in XNNPACK). What becomes of
# it was measured on 1,000 photos, XNNPACK against the built-in kernels: each of three int8 CIFAR files answers 1 to 3
# images otherwise, all with two classes nearly level, and no probability moves by more than 0.055. So a flip may bridge
# at most 2 x 0.055, rounded up to 1/8; at 3 in 1,000, more than two flips in 200 have a chance of 2 % (Poisson).
def assert_same_answers(found: np.ndarray, expected: np.ndarray) -> None:
    answers = found.argmax(1)
    flipped = np.flatnonzero(answers != expected.argmax(1))
    bridged = expected[flipped].max(1) - expected[flipped, answers[flipped]]
    assert len(flipped) <= 2 and np.all(bridged <= 1 / 8), (flipped, bridged)
    assert np.abs(found - expected).mean() < 1 / 256


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kernels", RESOLVERS)
@pytest.mark.parametrize("path", TFLITE, ids=lambda path: path.name)
def test_tflite(path, kernels, threads, images):
    some = images[path.parent.name]
    expected = tflite_answers(path, some, OpResolverType.AUTO, 1)
    found = tflite_answers(path, some, RESOLVERS[kernels], threads)
    assert_same_answers(found, expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", ONNX, ids=lambda path: path.name)
def test_onnx(path, level, threads, images):
    some = images[path.parent.name]
    expected = onnx_answers(path, some, LEVELS["all"], 1)
    found = onnx_answers(path, some, LEVELS[level], threads)
    assert_same_answers(found, expected)
