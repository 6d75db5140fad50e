"""Tables of codes: the very codes of the function, whatever the batch, and no float left."""

import numpy as np
import pytest
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
EVERY = np.arange(256, dtype="uint8").reshape(1, 1, 16, 16)
GELU = [
    node("Mul", ["x", "root"], ["inner"]), node("Erf", ["inner"], ["bent"]), node("Add", ["bent", "one"], ["gate"]),
    node("Mul", ["x", "gate"], ["double"]), node("Mul", ["double", "half"], ["y"]),
]  # fmt: skip
NUMBERS = {"root": np.float32(np.sqrt(0.5)), "one": np.float32(1), "half": np.float32(0.5)}


def gelu(x):
    from math import erf

    return x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2


@pytest.mark.parametrize(
    ("nodes", "function"),
    [
        ([node("Elu", ["x"], ["y"])], lambda x: np.where(x > 0, x, np.expm1(x))),
        ([node("HardSwish", ["x"], ["y"])], lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
        ([node("Exp", ["x"], ["e"]), node("Sqrt", ["e"], ["s"]), node("Reciprocal", ["s"], ["y"])],
         lambda x: np.exp(-x / 2)),
        (GELU, gelu),
    ],
)  # fmt: skip
def test_every_code_is_that_of_the_function(nodes, function):
    after = rewritten(graph(nodes, NUMBERS, (1, 16, 16)))
    # A value halfway between two codes may be rounded either way in float32.
    assert apart(answers(after, EVERY), codes_of(function(values(EVERY)))) <= 1
    assert np.mean(answers(after, EVERY) == codes_of(function(values(EVERY)))) > 0.98
    assert "GatherElements" in kinds(after) and stays_in_integers(after)


def test_a_batch_of_pictures_is_looked_up_picture_by_picture():
    after, pictures = rewritten(graph([node("Elu", ["x"], ["y"])], {}, (3, 4, 5))), random_codes(7, 3, 4, 5)
    one_by_one = np.concatenate([answers(after, picture[None]) for picture in pictures])
    assert apart(answers(after, pictures), one_by_one) == 0


def test_each_channel_has_the_slope_of_its_own():
    slopes = np.array([0.5, 0.1, -1.0], "float32").reshape(1, 3, 1, 1)
    after, pictures = (
        rewritten(graph([node("PRelu", ["x", "s"], ["y"])], {"s": slopes}, (3, 4, 5))),
        random_codes(2, 3, 4, 5),
    )
    wanted = values(pictures) * np.where(values(pictures) < 0, slopes, 1)
    assert apart(answers(after, pictures), codes_of(wanted)) <= 1 and stays_in_integers(after)


def test_more_tables_than_a_megabyte_would_hold_are_none():
    slopes = np.full((1, 1025, 1, 1), 0.3, "float32")
    assert "PRelu" in kinds(rewritten(graph([node("PRelu", ["x", "s"], ["y"])], {"s": slopes}, (1025, 1, 1))))


def test_a_logarithm_of_nothing_is_the_lowest_code():
    after = rewritten(graph([node("Relu", ["x"], ["r"]), node("Log", ["r"], ["y"])], {}, (1, 16, 16)))
    assert set(answers(after, EVERY)[values(EVERY) <= 0]) == {0}


def test_a_tanh_is_half_of_a_sigmoid_in_the_very_codes():
    after = rewritten(graph([node("Tanh", ["x"], ["y"])], {}, (1, 16, 16), given=(1 / 128, 128)))
    assert "Sigmoid" in kinds(after) and stays_in_integers(after)
    assert apart(answers(after, EVERY), codes_of(np.tanh(values(EVERY)), 1 / 128, 128)) <= 1


@pytest.mark.parametrize("kind", ["Sigmoid", "LeakyRelu"])
def test_what_has_a_kernel_keeps_it(kind):
    assert kind in kinds(rewritten(graph([node(kind, ["x"], ["y"])], {}, (1, 16, 16))))


def test_what_is_calculated_from_two_maps_is_no_table():
    moved = [
        node("Transpose", ["taken"], ["t"], perm=[0, 1, 3, 2]),
        node("DequantizeLinear", ["t", "scale", "zero"], ["u"]),
    ]
    model = graph([*moved, node("Div", ["x", "u"], ["q"]), node("Elu", ["q"], ["y"])], {}, (1, 4, 4))
    assert {"Div", "Elu"} <= set(kinds(rewritten(model)))
