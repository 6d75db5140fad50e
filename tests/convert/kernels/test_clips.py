"""Clips of codes: the same codes, without a float between."""

import numpy as np
import pytest
from onnx import helper

from tests.support.quantized_graphs import (
    SCALE,
    ZERO_POINT,
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
THREE = {"codes": np.uint8(255), "codes_scale": np.float32(3 / 255), "codes_zero": np.uint8(0)}
UNPACKED = node("DequantizeLinear", list(THREE), ["limit"])


@pytest.mark.parametrize(
    ("nodes", "low", "high"),
    [
        ([node("Relu", ["x"], ["y"])], 0, np.inf),
        ([UNPACKED, node("Min", ["x", "limit"], ["y"])], -np.inf, 3),
        ([UNPACKED, node("Max", ["x", "limit"], ["y"])], 3, np.inf),
        ([node("Clip", ["x", "below", "above"], ["y"])], -1, 2.6),
    ],
)
def test_codes_of_one_scale_are_clipped_themselves(nodes, low, high):
    constants = THREE | {"below": np.float32(-1), "above": np.float32(2.6)}
    after, codes = rewritten(graph(nodes, constants, (3, 5), given=(SCALE, ZERO_POINT))), random_codes(4, 3, 5)
    assert apart(answers(after, codes), codes_of(np.clip(values(codes), low, high), SCALE, ZERO_POINT)) == 0
    assert kinds(after) == ["Clip"]


# A layer whose codes, of a coarse scale, lie between it and what follows.
STORED = [
    node("DequantizeLinear", ["k", "k_scale", "k_zero"], ["kernel"]),
    node("Conv", ["x", "kernel"], ["c"]),
    node("QuantizeLinear", ["c", "far", "zero"], ["cq"]),
    node("DequantizeLinear", ["cq", "far", "zero"], ["cd"]),
]
HALVED = {"k": np.full((1, 1, 1, 1), 50, "int8"), "k_zero": np.int8(0)}
HALVED |= {"k_scale": np.float32(0.01), "far": np.float32(1)}
RELU = node("Relu", ["cd"], ["y"])


def test_a_clip_of_another_scale_joins_the_layer_before():
    after, codes = rewritten(graph([*STORED, RELU], HALVED, (1, 4, 4), given=(0.05, 0))), random_codes(2, 1, 4, 4)
    assert kinds(after).count("QuantizeLinear") == 1 and stays_in_integers(after)
    assert apart(answers(after, codes), codes_of(np.maximum(values(codes) / 2, 0), 0.05, 0)) <= 1


def test_codes_that_another_reads_are_left_to_it():
    nodes, codes = [*STORED, node("Relu", ["cd"], ["r"]), node("Add", ["cd", "r"], ["y"])], random_codes(2, 1, 4, 4)
    coarse = np.rint(values(codes) / 2)
    wanted = codes_of(coarse + np.maximum(coarse, 0))
    assert apart(answers(rewritten(graph(nodes, HALVED, (1, 4, 4))), codes), wanted) <= 1
