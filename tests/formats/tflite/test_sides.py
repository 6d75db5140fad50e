"""What has ended, or could end, LiteRT's process through an operator's tensors: each is refused by name."""

import math

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError
from cnnedge.formats.tflite.operators import RULES
from cnnedge.runtime.rehearsal import rehearse
from tests.support.tflite_objects import opened, operator, tensors
from tests.support.tflite_templates import sound


@pytest.mark.parametrize("name", sorted(set(RULES) - {"DEQUANTIZE"}))
def test_a_sound_operator_passes_and_runs(name):
    rehearse(opened(sound(name, "int8" if name == "QUANTIZE" else "float32")))


@pytest.mark.parametrize(
    "name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN", "SOFTMAX", "CONCATENATION", "PAD", "MUL"]
)
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_sound_quantized_operators_pass(name, dtype):
    opened(sound(name, dtype))


def no_scale(model):
    tensors(model)[1].quantization = None


def no_output_scale(model):
    tensors(model)[2].quantization = None


def scale_per_channel(model):
    tensors(model)[0].quantization.scale = np.array([0.5, 0.5, 0.5], np.float32)
    tensors(model)[0].quantization.zeroPoint = np.array([0, 0, 0], np.int64)
    tensors(model)[0].quantization.quantizedDimension = 3


def scale_of_one(model):
    tensors(model)[1].quantization.scale = np.array([1.0], np.float32)


def two_types(model):
    tensors(model)[1].type = schema.TensorType.FLOAT32


def more_sizes(model):
    tensors(model)[0].shape = [1, 1, 4, 4, 3]


def zero_point(model):
    tensors(model)[0].quantization.zeroPoint = np.array([3], np.int64)


def no_bias(model):
    operator(model).inputs = operator(model).inputs[:2]


def wrong_bias(model):
    tensors(model)[2].shape = [1, 5]


def weights_without_scale(model):
    tensors(model)[1].quantization = None


def far_output(model):
    tensors(model)[3].quantization.scale = np.array([0.0005], np.float32)


def whole_numbers(model):
    for tensor in tensors(model):
        tensor.type = schema.TensorType.INT32


def new_axes(model):
    operator(model).builtinOptions.newAxisMask = 255


def order_from_the_graph(model):
    tensors(model)[1].buffer = 0
    model.subgraphs[0].inputs = np.array([0, 1], np.int32)


def missing_shape(model):
    operator(model).inputs = np.array([0, -1], np.int32)


def activation(model):
    operator(model).builtinOptions.fusedActivationFunction = 5


def no_number(model):
    operator(model).builtinOptions.alpha = math.nan


def many_sizes(model):
    for tensor in tensors(model):
        tensor.shape = [1, 1, 1, 1, 1, 3]


def no_sizes(model):
    tensors(model)[0].shape = []


@pytest.mark.parametrize(
    ("name", "dtype", "lie", "message"),
    [
        ("ADD", "int8", no_scale, "ADD: 't1' is int8 without a scale"),
        ("SQUARED_DIFFERENCE", "int8", no_scale, "SQUARED_DIFFERENCE: 't1' is int8 without a scale"),
        ("MUL", "int8", scale_per_channel, "MUL: 't0' has 3 scales, expected one"),
        ("GREATER", "int8", scale_of_one, r"GREATER compares scales \[0.5, 1.0\], expected below 1"),
        ("GREATER", "int8", no_scale, "GREATER: 't1' is int8 without a scale"),
        ("LESS", "int8", two_types, "LESS joins float32 and int8, expected one type"),
        ("LESS_EQUAL", "int16", no_scale, "LESS_EQUAL has int16 data, expected float32, int32, int64, int8, uint8"),
        ("EQUAL", "float32", more_sizes, r"EQUAL has data of shape \(1, 1, 4, 4, 3\), expected 0 to 4 sizes"),
        ("RESIZE_BILINEAR", "int8", no_sizes, r"RESIZE_BILINEAR has data of shape \(\), expected 4 to 4 sizes"),
        ("ADD", "int16", zero_point, "ADD: 't0' is int16 with zero point 3"),
        ("SIN", "float32", whole_numbers, "SIN has int32 data, expected float32"),
        ("DEPTHWISE_CONV_2D", "int8", no_bias, "DEPTHWISE_CONV_2D has 2 inputs, expected 3 to 3"),
        ("CONV_2D", "float32", wrong_bias, r"CONV_2D has a bias float32 \(1, 5\)"),
        ("CONV_2D", "int8", weights_without_scale, "CONV_2D has int8 weights without a scale"),
        ("CONV_2D", "int8", far_output, "CONV_2D multiplies by 500 to 500, expected 1e-12 to 255.9: its output has no"),
        ("FULLY_CONNECTED", "uint8", far_output, "FULLY_CONNECTED multiplies by 500 to 500, expected 1e-12 to 255.9"),
        ("DIV", "float32", whole_numbers, "DIV has int32 data, expected float32"),
        ("STRIDED_SLICE", "float32", new_axes, "STRIDED_SLICE: option 3 is 255, expected 0"),
        ("TRANSPOSE", "float32", order_from_the_graph, "TRANSPOSE takes input 1 from 't1', expected constant int32"),
        ("TRANSPOSE", "int8", no_output_scale, "TRANSPOSE: 't2' is int8 without a scale"),
        ("RESHAPE", "float32", missing_shape, r"RESHAPE has inputs \(0, -1\), expected none left out but a bias"),
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


@pytest.mark.parametrize("name", ["GREATER", "LESS", "GREATER_EQUAL", "LESS_EQUAL", "SELECT_V2"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_comparisons_and_selections_with_a_single_number_run(name, dtype):
    """What a ReLU with a threshold becomes."""
    model = sound(name, dtype)
    tensors(model)[1].shape = []
    rehearse(opened(model))


@pytest.mark.parametrize("name", ["SELECT", "NEG", "SQRT", "LOG", "REVERSE_V2"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_what_activations_written_out_become_runs(name, dtype):
    model = sound(name, dtype)
    if dtype == "int8" and name == "SQRT":  # there is no root of a value below zero
        tensors(model)[0].quantization.zeroPoint = np.array([-128], np.int64)
    rehearse(opened(model))
