"""The networks are what their builders' docstrings say."""

import math
import re

import keras
import numpy as np
import pytest

from cnnedge.errors import UsageError
from cnnedge.model.networks import MODELS, build_model, count_macs, layer_macs, model_spec, stacked

ROW = re.compile(r"^ +(?P<layer>\w+) +(?P<output>\([\d, ]+\))? +(?P<weights>[\d,]+) +(?P<macs>[\d,]+)$", re.MULTILINE)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def documented(name: str) -> tuple[dict[str, tuple[str, int, int]], int]:
    """The table of a builder's docstring, {layer: (output, weights, MACs)}, and its count of parameters."""
    text = MODELS[name].build.__doc__
    rows = {row["layer"]: (row["output"], number(row["weights"]), number(row["macs"])) for row in ROW.finditer(text)}
    return rows, number(re.search(r"biases: ([\d,]+)\.", text)[1])


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return build_model(request.param)


def test_documented_figures(model):
    rows, parameters = documented(model.name)
    total = rows.pop("total")
    built = {
        layer.name: (
            f"({', '.join(str(size) for size in layer.output.shape[1:])})",
            math.prod(layer.kernel.shape),
            layer_macs(layer),
        )
        for layer in model.layers
        if hasattr(layer, "kernel")
    }
    assert built == rows
    assert total[1:] == (sum(weights for _, weights, _ in built.values()), count_macs(model))
    assert model.count_params() == parameters


def test_macs_by_hand():
    # 3 x 3 x 2 kernel weights for each of 4 filters, at 5 x 6 positions; then 120 x 7 weights, once.
    image = keras.Input((5, 6, 2))
    features = keras.layers.Conv2D(4, 3, padding="same")(image)
    model = keras.Model(image, keras.layers.Dense(7)(keras.layers.Flatten()(features)))
    assert count_macs(model) == 3 * 3 * 2 * 4 * 5 * 6 + 120 * 7


def test_contract(model):
    """Raw pixels under ``image``, scaled first; probabilities under ``probabilities``; only layers that fold."""
    spec = MODELS[model.name]
    assert model.input.name == "image"
    assert model.input.dtype == "float32"
    assert model.input_shape == (None, *spec.input_shape)
    assert model.layers[1].name == "scale"
    assert model.layers[1].scale == 1 / 255
    assert model.layers[-1].name == "probabilities"
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds <= {
        *("InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D"),
        *("Flatten", "GlobalAveragePooling2D", "Dropout", "Dense"),
    }
    assert not any(layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    images = np.random.default_rng(0).integers(0, 256, (3, *spec.input_shape)).astype(np.float32)
    scores = model.predict(images, verbose=0)
    assert scores.shape == (3, 10)
    # Ten float32 values near 0.1 to 1 are added: the sum is off by at most 10 roundings of 2^-24 each way.
    assert np.allclose(scores.sum(axis=1), 1, atol=10 * 2**-23)


def test_seed_decides_the_weights():
    first, again, other = (build_model("mnist-tiny", seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_layers_of_one_shape_start_differently():
    model = build_model("cifar10")
    conv4, conv5 = (model.get_layer(name).get_weights()[0] for name in ("conv4", "conv5"))
    assert conv4.shape == conv5.shape
    assert not np.array_equal(conv4, conv5)


def test_a_stack_has_the_filters_that_it_names():
    model = stacked(model_spec("mnist"), "12-P-20-6").build()
    assert [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)] == [12, 20, 6]


def test_width_scales_to_multiples_of_eight():
    model = build_model("mnist", width=0.5, num_classes=3)
    filters = [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    # 16, 16, 24, 32, 32, 32 halved; 12 rounds to the even multiple, 16.
    assert filters == [8, 8, 16, 16, 16, 16]
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet"}, "unknown model 'resnet': expected one of mnist, mnist-tiny, cifar10, cifar10-small"),
        ({"name": "mnist", "num_classes": 1}, "num_classes is 1, expected at least 2"),
        ({"name": "mnist", "width": 0.0}, "width is 0.0, expected more than 0"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        build_model(**arguments)
