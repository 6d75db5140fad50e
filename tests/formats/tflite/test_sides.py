"""What has ended, or could end, LiteRT's process through an operator's tensors: each is refused by name."""

import math
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.operators import RULES
from cnnedge.runtime.rehearsal import rehearse
from tests.support.hostile_tflite import sound
from tests.support.tflite_objects import packed


def opened(model: schema.ModelT) -> Any:
    file = open_model_file(packed(model), "tflite")
    file.check_runnable()
    return file


@pytest.mark.parametrize("name", sorted(set(RULES) - {"DEQUANTIZE"}))
def test_a_sound_operator_passes_and_runs(name):
    rehearse(opened(sound(name, "int8" if name == "QUANTIZE" else "float32")))


@pytest.mark.parametrize(
    "name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN", "SOFTMAX", "CONCATENATION", "PAD", "MUL"]
)
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_sound_quantized_operators_pass(name, dtype):
    opened(sound(name, dtype))


def tensors(model: schema.ModelT) -> list[schema.TensorT]:
    return model.subgraphs[0].tensors


def operator(model: schema.ModelT) -> schema.OperatorT:
    return model.subgraphs[0].operators[0]


def no_scale(model):
    tensors(model)[1].quantization = None


def scale_per_channel(model):
    tensors(model)[0].quantization.scale = np.array([0.5, 0.5, 0.5], np.float32)
    tensors(model)[0].quantization.zeroPoint = np.array([0, 0, 0], np.int64)
    tensors(model)[0].quantization.quantizedDimension = 3


def far_scale(model):
    tensors(model)[1].quantization.scale = np.array([1e-5], np.float32)


def zero_point(model):
    tensors(model)[0].quantization.zeroPoint = np.array([3], np.int64)


def large_scale(model):
    tensors(model)[0].quantization.scale = np.array([127.0], np.float32)


def no_bias(model):
    operator(model).inputs = operator(model).inputs[:2]


def wrong_bias(model):
    tensors(model)[2].shape = [1, 5]


def weights_without_scale(model):
    tensors(model)[1].quantization = None


def whole_numbers(model):
    for tensor in tensors(model):
        tensor.type = schema.TensorType.INT32


def smaller_image(model):
    tensors(model)[0].shape = [1, 4, 4, 1]


def new_axes(model):
    operator(model).builtinOptions.newAxisMask = 255


def order_from_the_graph(model):
    tensors(model)[1].buffer = 0
    model.subgraphs[0].inputs = np.array([0, 1], np.int32)


def no_copies(model):
    model.buffers[tensors(model)[1].buffer].data = np.array([1, 0, 1, 3], np.int32).view(np.uint8)


def few_numbers(model):
    model.buffers[tensors(model)[1].buffer].data = np.array([1, 2, 1], np.int32).view(np.uint8)
    tensors(model)[1].shape = [3]


def small_output(model):
    tensors(model)[2].shape = [1, 4, 4, 3]
    tensors(model)[2].shapeSignature = [1, -1, -1, 3]


def no_sizes(model):
    tensors(model)[0].shape = []


def missing_shape(model):
    operator(model).inputs = np.array([0, -1], np.int32)


def long_shape(model):
    model.buffers[tensors(model)[1].buffer].data = np.ones(48, np.int32).view(np.uint8)
    tensors(model)[1].shape = [48]


def activation(model):
    operator(model).builtinOptions.fusedActivationFunction = 5


def no_number(model):
    operator(model).builtinOptions.alpha = math.nan


def many_sizes(model):
    for tensor in tensors(model):
        tensor.shape = [1, 1, 1, 1, 1, 3]


@pytest.mark.parametrize(
    ("name", "dtype", "lie", "message"),
    [
        ("ADD", "int8", no_scale, "ADD: 't1' is int8 without a scale"),
        ("SQUARED_DIFFERENCE", "int8", no_scale, "SQUARED_DIFFERENCE: 't1' is int8 without a scale"),
        ("MUL", "int8", scale_per_channel, "MUL: 't0' has 3 scales, expected one"),
        ("SUB", "int8", far_scale, "SUB joins scales 1e-05 and 0.5"),
        ("ADD", "int16", zero_point, "ADD: 't0' is int16 with zero point 3"),
        (
            "ADD",
            "int16",
            smaller_image,
            r"ADD joins int16 of shapes \(1, 4, 4, 1\) and \(1, 4, 4, 3\) and scales 2\*\*n",
        ),
        (
            "SUB",
            "int16",
            smaller_image,
            r"SUB joins int16 of shapes \(1, 4, 4, 1\) and \(1, 4, 4, 3\) and scales 2\*\*n",
        ),
        ("TILE", "int8", no_copies, r"TILE repeats shape \(1, 4, 4, 3\) \(1, 0, 1, 3\) times, expected 4 numbers"),
        ("TILE", "int8", few_numbers, r"TILE repeats shape \(1, 4, 4, 3\) \(1, 2, 1\) times, expected 4 numbers"),
        ("TILE", "float32", small_output, r"TILE gives an output of \(1, 8, 4, 9\), but \(1, 4, 4, 3\) is declared"),
        ("TILE", "float32", order_from_the_graph, "TILE takes input 1 from 't1', expected constant int32"),
        ("TILE", "float32", no_sizes, r"TILE has data of shape \(\), expected 1 to 6 sizes"),
        ("SQUARED_DIFFERENCE", "int8", large_scale, "SQUARED_DIFFERENCE squares scale 127 to 0.5"),
        ("DEPTHWISE_CONV_2D", "int8", no_bias, "DEPTHWISE_CONV_2D has 2 inputs, expected 3 to 3"),
        ("CONV_2D", "float32", wrong_bias, r"CONV_2D has a bias float32 \(1, 5\)"),
        ("CONV_2D", "int8", weights_without_scale, "CONV_2D has int8 weights without a scale"),
        ("DIV", "float32", whole_numbers, "DIV has int32 data, expected float32"),
        ("STRIDED_SLICE", "float32", new_axes, "STRIDED_SLICE: option 3 is 255, expected 0"),
        ("TRANSPOSE", "float32", order_from_the_graph, "TRANSPOSE takes input 1 from 't1', expected constant int32"),
        ("RESHAPE", "float32", missing_shape, r"RESHAPE has inputs \(0, -1\), expected none left out but a bias"),
        ("RESHAPE", "float32", long_shape, r"RESHAPE takes int32 \(48,\) for a shape of 2 sizes"),
        ("CONV_2D", "float32", activation, r"CONV_2D: option 3 is 5, expected 0\.\.3"),
        ("LEAKY_RELU", "float32", no_number, "LEAKY_RELU: option 0 is nan"),
        ("ADD", "float32", many_sizes, r"ADD has data of shape \(1, 1, 1, 1, 1, 3\), expected 0 to 5 sizes"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_tensors_that_a_kernel_may_not_survive_are_named(name, dtype, lie, message):
    model = sound(name, dtype)
    lie(model)
    with pytest.raises(ModelError, match=message):
        opened(model)


def other_scale(model):
    for tensor in tensors(model):
        tensor.quantization.scale = np.array([0.3], np.float32)


def no_shifts(model):
    operator(model).builtinOptions.potScaleInt16 = False


@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("change", [other_scale, no_shifts])
@pytest.mark.parametrize("shape", [[3], [1, 1, 1, 3], [1, 4, 4, 1]], ids=str)
def test_16_bit_sums_are_broadcast_unless_the_kernel_only_shifts(name, change, shape):
    """What a Rescaling with a number per channel becomes in int16x8 files."""
    model = sound(name, "int16")
    tensors(model)[1].shape = shape
    change(model)
    rehearse(opened(model))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
def test_repeated_images_pass_and_run(dtype):
    """What UpSampling2D becomes in every precision."""
    rehearse(opened(sound("TILE", dtype)))
