"""Dense layers on sequences and maps: one product with a row for each place."""

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
    random_codes,
    rewritten,
    stays_in_integers,
    values,
)  # fmt: skip

node = helper.make_node
KERNEL = np.random.default_rng(1).integers(-63, 64, (4, 6)).astype("int8")
BIAS = np.random.default_rng(2).integers(-900, 900, 6).astype("int32")
CONSTANTS = {
    "k": KERNEL, "k_scale": np.full(6, 0.01, "float32"), "k_zero": np.zeros(6, "int8"),
    "b": BIAS, "b_scale": np.full(6, SCALE * 0.01, "float32"),
}  # fmt: skip
UNPACKED = [
    node("DequantizeLinear", ["k", "k_scale", "k_zero"], ["kernel"], axis=1),
    node("DequantizeLinear", ["b", "b_scale"], ["bias"], axis=0),
]


@pytest.mark.parametrize("places", [(9,), (3, 2)])
@pytest.mark.parametrize("clipped", [False, True])
def test_a_dense_layer_at_every_place(places, clipped):
    nodes = [*UNPACKED, node("MatMul", ["x", "kernel"], ["product"])]
    nodes.append(node("Add", ["product", "bias"], ["sum" if clipped else "y"]))
    nodes += [node("Relu", ["sum"], ["y"])] if clipped else []
    model, given = graph(nodes, CONSTANTS, (*places, 4), given=(0.05, 0)), random_codes(5, *places, 4)
    wanted = values(given) @ (KERNEL * 0.01) + BIAS * SCALE * 0.01
    after = rewritten(model)
    assert apart(answers(after, given), codes_of(wanted, 0.05, 0)) <= 1
    assert fused_kernels(after.SerializeToString()) == {"QGemm": 1} and stays_in_integers(after)


def test_a_dense_layer_on_vectors_is_left_as_it_is():
    nodes = [*UNPACKED, node("MatMul", ["x", "kernel"], ["product"]), node("Add", ["product", "bias"], ["y"])]
    model = graph(nodes, CONSTANTS, (4,))
    assert len(rewritten(model).graph.node) == len(model.graph.node)
