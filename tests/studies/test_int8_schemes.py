"""ONNX Runtime's schemes: each file holds the types that its name promises, and still answers."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_onnx import convert_onnx_float32
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner
from cnnedge.studies.int8_schemes import SCHEMES, Scheme, quantize_onnx


@pytest.fixture(scope="module")
def pixels(sample):
    return calibration_pixels(pixels_of(sample.calibration))


@pytest.fixture(scope="module")
def float32(digits_model):
    return convert_onnx_float32(convert_tflite(fold(digits_model), precision="float32"))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_a_file_holds_the_types_of_its_name_and_answers(scheme, float32, pixels, sample):
    content = quantize_onnx(float32, pixels, scheme)
    graph = onnx.load_from_string(content).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    dequantized = [node for node in graph.node if node.op_type == "DequantizeLinear"]
    kernels = [node for node in dequantized if np.ndim(constants.get(node.input[0])) == 4]
    assert len(kernels) == 5
    for node in kernels:
        codes, scale = (constants[name] for name in node.input[:2])
        assert codes.dtype == scheme.weights
        assert (scale.size > 1) == scheme.per_channel
        if scheme.seven_bits:
            # Two products with unsigned 8-bit activations stay below 2**15 = 32,768: 2 x 255 x 64 = 32,640.
            assert np.abs(codes.astype(int)).max() <= 64
    activations = [constants[node.input[2]].dtype for node in graph.node if node.op_type == "QuantizeLinear"]
    assert set(activations) == {np.dtype(scheme.activations)}
    with open_runner(content, format="onnx") as runner, open_runner(float32, format="onnx") as reference:
        agreed = runner.predict(pixels_of(sample.test)).argmax(1) == reference.predict(pixels_of(sample.test)).argmax(1)
    # Even saturating weights leave most answers alone; a scrambled file agrees on a tenth.
    assert agreed.mean() > 0.9


def test_a_file_that_is_no_model(pixels):
    with pytest.raises(ConversionError, match="u8s8"):
        quantize_onnx(b"not a model", pixels, SCHEMES[0])


def test_a_type_that_does_not_exist():
    with pytest.raises(ValueError, match="int4"):
        Scheme("bad", "uint8", "int4")
