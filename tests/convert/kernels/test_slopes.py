"""A PReLU with more slopes than there are tables for: the codes of the function, and no float left."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.support.quantized_graphs import (
    OUT_SCALE,
    answers,
    apart,
    codes_of,
    graph,
    kinds,
    random_codes,
    rewritten,
    stays_in_integers,
    values,
)

SHAPE = (16, 12, 12)
NODES = [
    helper.make_node("DequantizeLinear", ["slopes", "slope_scale", "slope_zero"], ["s"]),
    helper.make_node("PRelu", ["x", "s"], ["y"]),
]


@pytest.mark.parametrize("zero", [0, 128, 255])  # slopes above 0, of both signs, and below 0
@pytest.mark.parametrize("given", [(OUT_SCALE, 90), (0.03, 0), (0.1, 200)])
def test_every_value_has_the_slope_of_its_own(zero, given):
    slopes = random_codes(1, *SHAPE)
    constants = {"slopes": slopes, "slope_scale": np.float32(0.01), "slope_zero": np.uint8(zero)}
    after, pictures = rewritten(graph(NODES, constants, SHAPE, given=given)), random_codes(3, *SHAPE)
    wanted = values(pictures) * np.where(values(pictures) < 0, values(slopes, 0.01, zero), 1)
    # Half a step of the product, which is no coarser than the last one, and half of that one: a code at most.
    assert apart(answers(after, pictures), codes_of(wanted, *given)) <= 1
    assert "PRelu" not in kinds(after) and stays_in_integers(after)


def test_where_nothing_is_below_nought_nothing_is_bent():
    constants = {"slopes": random_codes(1, *SHAPE), "slope_scale": np.float32(0.01), "slope_zero": np.uint8(0)}
    model = graph(NODES, constants, SHAPE)
    next(item for item in model.graph.initializer if item.name == "zero").CopyFrom(
        numpy_helper.from_array(np.uint8(0), "zero")
    )
    after, pictures = rewritten(model), random_codes(2, *SHAPE)
    assert apart(answers(after, pictures), codes_of(values(pictures, zero_point=0))) <= 1
