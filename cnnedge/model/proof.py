"""Is the rebuilt model the same function as the one that Keras loads? What Keras itself loads is the reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.predictor import answers_called

if TYPE_CHECKING:
    import keras

    from cnnedge.model.graph import Graph

Answers = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Tolerance:
    """What rounding may change: ``of_range`` of the range of the outputs, and ``of_value`` of the largest of them."""

    of_range: float
    of_value: float

    def allowed(self, reference: np.ndarray) -> float:
        return self.of_range * float(np.ptp(reference)) + self.of_value * float(np.abs(reference).max())


# Rebuilding and folding change the order of float32 sums: a few times 2**-24 a layer, some 1e-5 over a hundred layers.
# A wrong layer is seen at 1e-2 and more. The output's own rounding: a few units of its last place.
FLOAT32 = Tolerance(1e-4, 4 * 2.0**-23)
# Deep networks that are sure of their answers (logits of some tens) move by more in another runtime, which orders the
# sums of every layer otherwise: by as much as float32 takes Keras's own answers from exact ones, a few times. Still a
# tenth of what a wrong layer shows at least.
ROUNDINGS, MOST = 8.0, 1e-3
# For a model that computes in float16 itself: 2**-11 = 5e-4 an operation, over some tens of them.
FLOAT16 = Tolerance(2e-2, 4 * 2.0**-11)
PICTURES = 8


def synthetic_pictures(shape: tuple[int, ...], count: int = PICTURES) -> np.ndarray:
    """float32 ``(count, H, W, C)`` of integers 0..255: gradients, noise, flat, and coarse patches; always the same."""
    rng = np.random.default_rng(20)
    height, width, channels = shape
    slope = np.linspace(0, 255, height)[:, None, None] * rng.random((1, width, channels))
    coarse = np.kron(rng.integers(0, 256, (4, 4, channels)), np.ones((-(-height // 4), -(-width // 4), 1)))
    made = [slope, rng.integers(0, 256, shape), coarse[:height, :width], np.full(shape, 200)]
    while len(made) < count:
        low, high = sorted(rng.integers(0, 256, 2))
        made.append(rng.integers(low, high + 1, shape))
    return np.stack([np.broadcast_to(picture, shape) for picture in made[:count]]).round().astype("float32")


def difference(
    ours: np.ndarray, reference: np.ndarray, tolerance: Tolerance = FLOAT32, *, rounding: float = 0.0
) -> str | None:
    """How two models' outputs ``(N, classes)`` differ by more than rounding; None if they do not.

    Top-1 needs no rule of its own: it can only differ where the two best are closer than two such errors.

    Args:
        rounding: what ``float32_rounding`` found for this network, if that was asked.
    """
    if ours.shape != reference.shape:
        return f"outputs of shape {ours.shape[1:]} in place of {reference.shape[1:]}"
    if not np.all(np.isfinite(reference)):
        return "the original's own outputs are not finite"
    measured = min(ROUNDINGS * rounding, MOST * float(np.ptp(reference)))
    allowed, found = max(tolerance.allowed(reference), measured), float(np.abs(ours - reference).max())
    if not found <= allowed:
        return f"outputs differ by {found:.2g}, at most {allowed:.2g} is rounding"
    return None


def prove_equal(
    model: "keras.Model", reference: Answers, pictures: np.ndarray, *, tolerance: Tolerance = FLOAT32
) -> None:
    """Compare ``model`` with the reference on float32 pictures 0..255.

    Raises:
        ModelError: the outputs differ.
    """
    found = difference(answers_called(model, pictures), reference(pictures), tolerance)
    if found is not None:
        raise ModelError(f"the rebuilt model answers otherwise than the original: {found}")


def float32_rounding(model: "keras.Model", pictures: np.ndarray) -> float:
    """How far float32 moves the answers of ``model`` to pixels 0..255 from those of the same weights in float64.

    The larger of two: what Keras's own float32 answers are off by, and what the answers move by where every weight is
    off by 2**-24 times the root of the number of terms of its sums, up or down. The second is what a sum of n terms in
    another order is worth (a backward error of up to n roundings a term, of about their root where they are random:
    Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 4.2). A large bias, say, costs
    nothing where it is added last, and a rounding for each product where it comes first.
    """
    import keras

    exact = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config() | {"dtype": "float64"})
    )
    exact.set_weights(model.get_weights())
    answers = [answers_called(each, pictures.astype(each.dtype)).astype("float64") for each in (model, exact)]
    rng = np.random.default_rng(0)
    for layer in exact.layers:
        weights = layer.get_weights()
        step = 2.0**-24 * max((weight.size / (weight.shape or (1,))[-1] for weight in weights), default=1) ** 0.5
        signs = [rng.choice((-step, step), weight.shape) * (weight.dtype.kind == "f") for weight in weights]
        layer.set_weights([weight * (1 + sign) for weight, sign in zip(weights, signs, strict=True)])
    answers.append(answers_called(exact, pictures.astype("float64")).astype("float64"))
    return max(float(np.abs(other - answers[1]).max()) for other in (answers[0], answers[2]))


def first_difference(original: "Graph", model: "keras.Model", fed: np.ndarray, pictures: np.ndarray) -> str | None:
    """The first layer, by name, that gives something else in the rebuilt ``model`` than in the original.

    Args:
        original: the graph as it was read, with Keras's own layers in it.
        fed: what the original takes for ``pictures``.
    """
    import keras

    from cnnedge.model.flat.channels_last import is_channels_first
    from cnnedge.model.flat.widened import is_dilated
    from cnnedge.model.graph import rewired

    if any(is_channels_first(node.operation) or is_dilated(node.operation) for node in original.nodes):
        return None  # TensorFlow may have no kernels for single ones of them
    known = {layer.name: layer.output for layer in model.layers[1:]}
    values = {id(original.image): fed}
    for node in original.nodes:
        args, kwargs = rewired((node.args, node.kwargs), lambda wire: values[id(wire)])
        trains = {"training": False} if getattr(node.operation, "_call_has_training_arg", False) else {}
        given = keras.tree.flatten(node.operation(*args, **kwargs, **trains))
        values.update((id(wire), value) for wire, value in zip(node.outputs, given, strict=True))
        if node.name in known:
            ours = np.asarray(keras.Model(model.inputs[0], known[node.name])(pictures, training=False))
            if difference(ours, np.asarray(given[0], "float32")) is not None:
                return node.name
    return None
