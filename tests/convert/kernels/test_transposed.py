"""Transposed convolutions as convolutions: every pixel, whatever the strides, the weights and the padding."""

import numpy as np
import pytest
from onnx import helper

from tests.support.onnx_graphs import fused_kernels
from tests.support.quantized_graphs import (
    SCALE,
    answers,
    apart,
    codes_of,
    graph,
    kinds,
    random_codes,
    rewritten,
    stays_in_integers,
    values,
)  # fmt: skip

node = helper.make_node
STEP = 0.01


def constants(size):
    rng = np.random.default_rng(1)
    return {
        "k": rng.integers(-63, 64, (2, 3, *size)).astype("int8"), "k_scale": STEP * np.array([1, 2, 0.5], "float32"),
        "k_zero": np.zeros(3, "int8"), "b": rng.integers(-900, 900, 3).astype("int32"),
        "b_scale": (SCALE * STEP * np.array([1, 2, 0.5])).astype("float32"),
    }  # fmt: skip


def spread(x, held, strides, pads):
    """Every input pixel adds its weights to the output around it."""
    kernel = held["k"] * held["k_scale"].reshape(1, 3, 1, 1).astype("float64")
    high, wide = kernel.shape[2:]
    whole = np.zeros((len(x), 3, (x.shape[2] - 1) * strides[0] + high, (x.shape[3] - 1) * strides[1] + wide))
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            top, left = row * strides[0], column * strides[1]
            added = np.einsum("ni,iohw->nohw", x[:, :, row, column], kernel)
            whole[:, :, top : top + high, left : left + wide] += added
    whole += (held["b"] * held["b_scale"].astype("float64")).reshape(1, 3, 1, 1)
    return whole[:, :, pads[0] : whole.shape[2] - pads[2], pads[1] : whole.shape[3] - pads[3]]


def layer(size, strides, pads, **options):
    unpacked = [
        node("DequantizeLinear", ["k", "k_scale", "k_zero"], ["kernel"], axis=1),
        node("DequantizeLinear", ["b", "b_scale"], ["bias"], axis=0),
    ]
    inputs = ["x", "kernel", "bias"]
    return [
        *unpacked,
        node("ConvTranspose", inputs, ["s"], kernel_shape=size, strides=strides, pads=pads, **options),
        node("Relu", ["s"], ["y"]),
    ]


@pytest.mark.parametrize(
    ("size", "strides", "pads"),
    [
        ((3, 3), (2, 2), (0, 0, 1, 1)), ((2, 2), (2, 2), (0, 0, 0, 0)), ((4, 4), (2, 2), (1, 1, 1, 1)),
        ((3, 3), (1, 1), (1, 1, 1, 1)), ((5, 2), (3, 2), (2, 0, 0, 0)), ((1, 1), (2, 2), (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_every_pixel_is_that_of_the_definition(size, strides, pads):
    held, codes = constants(size), random_codes(3, 2, 4, 5)
    after = rewritten(graph(layer(size, strides, pads), held, (2, 4, 5), given=(0.05, 0)))
    wanted = codes_of(np.maximum(spread(values(codes), held, strides, pads), 0), 0.05, 0)
    assert apart(answers(after, codes), wanted) <= 1
    assert fused_kernels(after.SerializeToString()) == {"QLinearConv": 1} and stays_in_integers(after)


def test_dilated_ones_are_left_in_float():
    held = constants((2, 2))
    after = rewritten(graph(layer((2, 2), (2, 2), (0, 0, 0, 0), dilations=[2, 2]), held, (2, 4, 4)))
    assert "ConvTranspose" in kinds(after)
