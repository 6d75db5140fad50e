"""Means over any axes as a pooling."""

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


@pytest.mark.parametrize("axes", [[1], [-1], [1, 3], [1, 2, 3], [2, 3]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_mean_over_any_axes_of_a_picture(axes, keepdims):
    mean = helper.make_node("ReduceMean", ["x"], ["y"], axes=axes, keepdims=keepdims)
    after, codes = rewritten(graph([mean], {}, (3, 4, 5))), random_codes(6, 3, 4, 5)
    wanted = values(codes).mean(axis=tuple(axes), keepdims=bool(keepdims))
    assert apart(answers(after, codes), codes_of(wanted)) <= 1  # the kernel rounds in fixed point
    assert "ReduceMean" not in kinds(after) and stays_in_integers(after)


def test_a_mean_over_the_batch_is_left():
    mean = helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=1)
    assert "ReduceMean" in kinds(rewritten(graph([mean], {}, (3, 4))))
