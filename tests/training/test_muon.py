"""Convolutions that are trained by Muon: their steps turn kernels equally far in all directions."""

import keras
import numpy as np
import pytest

from cnnedge.errors import UsageError
from cnnedge.training.fit import make_optimizer
from cnnedge.training.muon import ConvolutionMuon
from cnnedge.training.recipes import Recipe

RNG = np.random.default_rng(5)


def stepped(optimizer, value, gradient, name):
    variable = keras.Variable(value, name=name)
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize("shape", [(3, 3, 16, 24), (3, 3, 1, 16)], ids=["tall", "wide"])
def test_a_step_is_equally_long_in_every_direction(shape):
    gradient = RNG.normal(0, 1, shape).astype("float32") * np.geomspace(1, 1e-2, shape[-1], dtype="float32")
    optimizer = ConvolutionMuon(0.2, peak=0.2, muon_rate=0.1, momentum=0.9)
    step = -stepped(optimizer, np.zeros(shape, "float32"), gradient, "kernel").reshape(-1, shape[-1])
    lengths = np.linalg.svd(step, compute_uv=False)
    # Newton-Schulz leaves singular values of 0.7 to 1.2 times that of a matrix of ``filters`` columns of length 1.
    whole = 0.1 * (shape[-1] / min(step.shape)) ** 0.5
    assert 0.6 * whole < lengths.min() and lengths.max() < 1.3 * whole
    assert (step * gradient.reshape(step.shape)).sum() > 0


def test_the_decay_is_a_quarter_of_the_rate():
    optimizer = ConvolutionMuon(0.1, peak=0.2, muon_rate=0.08, momentum=0.9)  # half way up the schedule: a step of 0.04
    ones = np.ones((1, 1, 2, 2), "float32")
    assert stepped(optimizer, ones, 0 * ones, "kernel") == pytest.approx(1 - 0.04 * 0.02)


@pytest.mark.parametrize(
    ("shape", "name"), [((8,), "bias"), ((8,), "gamma"), ((16, 10), "kernel"), ((3, 3, 16, 1), "kernel")]
)
def test_all_else_is_sgd(shape, name):
    value, gradient = (RNG.normal(0, 1, shape).astype("float32") for _ in range(2))
    one, other = (
        stepped(make_optimizer(Recipe(epochs=4, warmup_fraction=0.0, muon_rate=rate), 10), value, gradient, name)
        for rate in (0.0, 0.05)
    )
    assert np.array_equal(one, other) and not np.array_equal(one, value)


def test_a_recipe_with_a_rate_turns_kernels():
    """At the peak of the schedule, without a warm-up: a step of a twentieth of a kernel of length 1 in every filter."""
    gradient = RNG.normal(0, 1, (3, 3, 8, 16)).astype("float32")
    recipe = Recipe(epochs=4, warmup_fraction=0.0, muon_rate=0.05, ema_momentum=0.0)
    step = stepped(make_optimizer(recipe, 10), 0 * gradient, 1000 * gradient, "kernel")
    assert 0.7 * 0.05 * 4 < np.linalg.norm(step) < 1.2 * 0.05 * 4


def test_muon_turns_a_momentum():
    with pytest.raises(UsageError, match=r"momentum is 0, expected more than 0 with a muon_rate"):
        Recipe(epochs=1, momentum=0, muon_rate=0.05)
