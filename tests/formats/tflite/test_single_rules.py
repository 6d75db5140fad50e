"""Repeating, turning, selecting, reshaping, squaring and adding: what their kernels take, and what would end them."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError
from cnnedge.runtime.rehearsal import rehearse
from tests.support.tflite_objects import opened, operator, tensors
from tests.support.tflite_templates import sound


def far_scale(model):
    tensors(model)[2].quantization.scale = np.array([1e-7], np.float32)


def dead_branch(model):
    tensors(model)[1].quantization.scale = np.array([1e-8], np.float32)


def many_values(model):
    model.buffers[tensors(model)[2].buffer].data = np.zeros(3, np.float32).view(np.uint8)
    tensors(model)[2].shape = [3]


def no_booleans(model):
    tensors(model)[0].type = schema.TensorType.UINT8


def short_condition(model):
    tensors(model)[0].shape = [1]


def large_scale(model):
    tensors(model)[0].quantization.scale = np.array([127.0], np.float32)


def smaller_image(model):
    tensors(model)[0].shape = [1, 4, 4, 1]


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


def far_axis(model):
    model.buffers[tensors(model)[1].buffer].data = np.array([4], np.int32).view(np.uint8)


def axes_apart(model):
    model.buffers[tensors(model)[1].buffer].data = np.array([1, 3], np.int32).view(np.uint8)
    tensors(model)[1].shape = [2]


def one_axis_twice(model):
    model.buffers[tensors(model)[1].buffer].data = np.array([-1, 3], np.int32).view(np.uint8)
    tensors(model)[1].shape = [2]


def long_shape(model):
    model.buffers[tensors(model)[1].buffer].data = np.ones(48, np.int32).view(np.uint8)
    tensors(model)[1].shape = [48]


def many_sizes(model):
    for tensor in tensors(model):
        tensor.shape = [1, 1, 1, 1, 1, 3]


def other_scale(model):
    for tensor in tensors(model):
        tensor.quantization.scale = np.array([0.3], np.float32)


def no_shifts(model):
    operator(model).builtinOptions.potScaleInt16 = False


@pytest.mark.parametrize(
    ("name", "dtype", "lie", "message"),
    [
        ("SUB", "int8", far_scale, "SUB joins scales 0.5 and 1e-07, expected a larger result"),
        ("SELECT", "int8", no_booleans, "SELECT has a condition of uint8, expected bool"),
        ("SELECT", "int8", short_condition, r"SELECT joins shapes \[\(1,\), \(1, 4, 4, 3\)\], expected one"),
        (
            "SELECT_V2",
            "float32",
            many_sizes,
            r"SELECT_V2 has data of shape \(1, 1, 1, 1, 1, 3\), expected 0 to 4 sizes",
        ),
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
        (
            "REVERSE_V2",
            "int8",
            far_axis,
            r"REVERSE_V2 turns axes \(4,\) of shape \(1, 4, 4, 3\), expected neighbouring",
        ),
        (
            "REVERSE_V2",
            "int8",
            axes_apart,
            r"REVERSE_V2 turns axes \(1, 3\) of shape \(1, 4, 4, 3\), expected neighbouring",
        ),
        (
            "REVERSE_V2",
            "int8",
            one_axis_twice,
            r"REVERSE_V2 turns axes \(-1, 3\) of shape \(1, 4, 4, 3\), expected neigh",
        ),
        ("PADV2", "float32", many_values, r"PADV2 pads with a value of shape \(3,\), expected one number"),
        ("TILE", "int8", no_copies, r"TILE repeats shape \(1, 4, 4, 3\) \(1, 0, 1, 3\) times, expected 4 numbers"),
        ("TILE", "int8", few_numbers, r"TILE repeats shape \(1, 4, 4, 3\) \(1, 2, 1\) times, expected 4 numbers"),
        ("TILE", "float32", small_output, r"TILE gives an output of \(1, 8, 4, 9\), but \(1, 4, 4, 3\) is declared"),
        ("TILE", "float32", order_from_the_graph, "TILE takes input 1 from 't1', expected constant int32"),
        ("TILE", "float32", no_sizes, r"TILE has data of shape \(\), expected 1 to 6 sizes"),
        ("SQUARED_DIFFERENCE", "int8", large_scale, "SQUARED_DIFFERENCE squares scale 127 to 0.5"),
        ("RESHAPE", "float32", long_shape, r"RESHAPE takes int32 \(48,\) for a shape of 2 sizes"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_one_kernel_would_not_survive_is_named(name, dtype, lie, message):
    model = sound(name, dtype)
    lie(model)
    with pytest.raises(ModelError, match=message):
        opened(model)


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


@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_a_dead_branch_may_be_added(name, dtype):
    """One without any range has a scale of 1e-8 beside 0.5."""
    model = sound(name, dtype)
    dead_branch(model)
    rehearse(opened(model))


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_the_value_to_pad_with_may_be_a_scalar(dtype):
    model = sound("PADV2", dtype)
    tensors(model)[2].shape = []
    rehearse(opened(model))
