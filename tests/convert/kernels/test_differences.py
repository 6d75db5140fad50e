"""Differences as sums."""

import numpy as np
from onnx import helper

from tests.support.quantized_graphs import (
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
FLIPPED = [node("Transpose", ["taken"], ["t"], perm=[0, 2, 1]), node("DequantizeLinear", ["t", "scale", "zero"], ["u"])]


def test_two_maps():
    after, codes = rewritten(graph([*FLIPPED, node("Sub", ["x", "u"], ["y"])], {}, (5, 5))), random_codes(3, 5, 5)
    wanted = values(codes) - values(codes.transpose(0, 2, 1))
    assert apart(answers(after, codes), codes_of(wanted)) <= 1  # the kernel of a sum rounds in fixed point
    assert "Sub" not in kinds(after) and stays_in_integers(after)


def test_a_clip_behind_it_is_kept():
    nodes = [*FLIPPED, node("Sub", ["x", "u"], ["d"]), node("Relu", ["d"], ["y"])]
    after, codes = rewritten(graph(nodes, {}, (5, 5), given=(0.05, 0))), random_codes(3, 5, 5)
    wanted = np.maximum(values(codes) - values(codes.transpose(0, 2, 1)), 0)
    assert apart(answers(after, codes), codes_of(wanted, 0.05, 0)) <= 1 and stays_in_integers(after)


def test_a_constant_is_negated_in_the_file():
    constant = {"c": np.array([0, 7, 255], "uint8"), "c_scale": np.float32(0.02), "c_zero": np.uint8(9)}
    nodes = [node("DequantizeLinear", list(constant), ["u"]), node("Sub", ["x", "u"], ["y"])]
    after, codes = rewritten(graph(nodes, constant, (5, 3))), random_codes(2, 5, 3)
    wanted = values(codes) - (np.array([0, 7, 255]) - 9) * 0.02
    assert apart(answers(after, codes), codes_of(wanted)) <= 1
    assert "Mul" not in kinds(after) and stays_in_integers(after)
