"""Quantization-aware training: fine-tune a folded model to answer as before although everything in it is rounded.

The rounding twin is trained to give the float model's own probabilities on training images, and, where there is one,
those of a larger teacher too. Four choices:

1. Activation ranges start from calibration images, see ``ranges``.
2. Weights use 7 bits, see ``grid``.
3. Batch normalization is folded beforehand, so the kernel that is rounded is the kernel in the file.
4. A step is measured by the weights that it changes, so that a network whose layers are scaled differently, but which
   computes the same, is trained the same. What is kept is the best state on validation images, the start included.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnedge.convert.qat import resuming
from cnnedge.convert.qat.fake_quantize import RoundedKernel
from cnnedge.convert.qat.ranges import in_batches, start_ranges
from cnnedge.convert.qat.resuming import State, Watched
from cnnedge.convert.qat.target import Target, Teacher
from cnnedge.convert.qat.twin import float_layers, rounding_twin
from cnnedge.data import Dataset
from cnnedge.errors import ModelError
from cnnedge.progress import Progress, silent
from cnnedge.training.batches import AugmentedBatches
from cnnedge.training.recipes import Recipe

MOMENTUM = 0.9
# Validation images are looked at this often, and the state is kept as often.
CHECKS = 4
# The largest sum of a convolution whose bias takes steps of the learning rate as it is.
USUAL_REACH = 8.0


@dataclass(frozen=True)
class Schedule:
    """steps: of the optimizer, SGD with momentum 0.9. learning_rate: its first, decaying to zero by a half cosine.
    seed: of everything random. calibrated_ranges: False starts every range at -6..6 as TFMOT does, for comparison."""

    steps: int
    learning_rate: float
    seed: int = 0
    calibrated_ranges: bool = True


@dataclass(frozen=True, eq=False)
class Images:
    """batch: the training images of a step, which counts from 0: float32 (N, H, W, C), pixels 0..255. calibration,
    validation: (N, H, W, C), for the ranges at the start and for choosing the best state."""

    batch: Callable[[int], np.ndarray]
    calibration: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True, eq=False)
class Trained:
    """The rounding twin, ready for ``convert_tflite``; its state, and the one that it started from; the layers that
    stay in float."""

    model: keras.Model
    best: Watched
    start: Watched
    float_layers: tuple[str, ...]


def quantization_aware_train(
    folded: keras.Model,
    images: Images,
    *,
    schedule: Schedule,
    left_in_float: Collection[str] = (),
    teacher: Teacher | None = None,
    kept: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Fine-tune the rounding twin of ``folded``, and keep its best state.

    The loss is the cross-entropy against the float model's own probabilities (self-distillation): the aim is a file
    that answers as the baseline does. With a ``teacher`` it is mixed with the distillation from that.

    Args:
        folded: from ``fold.fold``; float32 pixels 0..255 in, probabilities out.
        left_in_float: names of layers that are not rounded.
        kept: the file that has the last state (see ``resuming``); what it holds is gone on with.

    Raises:
        ConversionError: see ``ranges.start_ranges``.
        ModelError: ``kept`` is damaged.
    """
    keras.utils.set_random_seed(schedule.seed)
    twin = rounding_twin(folded, left_in_float)
    start_ranges(twin, folded, images.calibration, calibrated=schedule.calibrated_ranges)
    training = _Training(twin, Target(folded, teacher), schedule)
    found = None if kept is None else resuming.restore(kept)
    watch = _Watch(training, images.validation, found)
    checks = {round(schedule.steps * part / CHECKS) for part in range(1, CHECKS + 1)}
    for number in range(watch.step + 1, schedule.steps + 1):
        training.step(tf.convert_to_tensor(images.batch(number - 1)))
        progress("quantization-aware training", number, schedule.steps)
        if number in checks:
            watch.look(number)
            if kept is not None:
                resuming.save(kept, watch.state())
    return Trained(
        twin, watch.restore_best(), watch.start, tuple(dict.fromkeys([*left_in_float, *float_layers(folded)]))
    )


def training_images(data: Dataset, recipe: Recipe, seed: int) -> tuple[int, Callable[[int], np.ndarray]]:
    """How many steps a recipe takes, and augmented float32 (N, H, W, C) images of the training split for each."""
    batches = AugmentedBatches(
        data.train,
        num_classes=len(data.labels),
        batch_size=min(recipe.batch_size, len(data.train)),
        augmentation=recipe.augmentation,
        seed=seed,
    )
    return max(1, round(recipe.qat_epochs * batches.steps)), lambda step: batches[step][0]


class _Watch:
    """Looks at the twin on validation images, and remembers its best state."""

    def __init__(self, training: "_Training", images: np.ndarray, found: State | None) -> None:
        self.training, self.images = training, images
        parts = [training.target.answers(part) for part in in_batches(images)]
        self.expected = [np.concatenate(answers) for answers in zip(*parts, strict=True)]
        self.answers = tf.function(lambda part: training.twin(part, training=False), reduce_retracing=True)
        if found is None:
            self.step = 0
            self.start = self.best = self._now(0)
            self.weights = training.twin.get_weights()
        else:
            training.restore(found)
            self.step, self.start, self.best, self.weights = found.step, found.start, found.best, found.best_weights

    def look(self, step: int) -> None:
        """A state is better if it is nearer to the target and agrees with the float model no less than the start."""
        now, self.step = self._now(step), step
        if now.agreement >= self.start.agreement and now.loss < self.best.loss:
            self.best, self.weights = now, self.training.twin.get_weights()

    def restore_best(self) -> Watched:
        self.training.twin.set_weights(self.weights)
        return self.best

    def state(self) -> State:
        weights, optimizer = self.training.arrays()
        return State(self.step, self.start, self.best, weights, optimizer, self.weights)

    def _now(self, step: int) -> Watched:
        for layer in rounded_kernels(self.training.twin):
            layer.settle()
        found = np.concatenate([np.asarray(self.answers(part)) for part in in_batches(self.images)])
        loss = float(self.training.target.loss(self.expected, found))
        return Watched(step, float(np.mean(found.argmax(1) == self.expected[0].argmax(1))), loss)


def rounded_kernels(twin: keras.Model) -> list[RoundedKernel]:
    return [layer for layer in twin.layers if isinstance(layer, RoundedKernel)]


class _Training:
    """The rounding twin and the optimizer that changes it."""

    def __init__(self, twin: keras.Model, target: Target, schedule: Schedule) -> None:
        self.twin, self.target = twin, target
        rate = keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.steps)
        self.optimizer = keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True)
        self.factors = rate_factors(twin)
        self.variables = [variable for variable in twin.trainable_variables if variable.path in self.factors]
        self.optimizer.build(self.variables)

    # Without XLA: on two x86 cores its step took 0.230 s where TensorFlow's own kernels took 0.162 s (cifar10). Both
    # give the same weights every time.
    @tf.function
    def step(self, images: Any) -> None:
        expected = self.target.answers(images)
        with tf.GradientTape() as tape:
            loss = self.target.loss(expected, self.twin(images, training=True))
        gradients = tape.gradient(loss, [variable.value for variable in self.variables])
        scaled = zip(gradients, self.variables, strict=True)
        self.optimizer.apply([self.factors[variable.path] * gradient for gradient, variable in scaled], self.variables)

    def arrays(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The twin's weights and what the optimizer remembers."""
        return self.twin.get_weights(), [np.asarray(variable) for variable in self.optimizer.variables]

    def restore(self, state: State) -> None:
        """Go back to ``state``.

        Raises:
            ModelError: it is of another network.
        """
        try:
            self.twin.set_weights(state.weights)
            for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
                variable.assign(value)
        except ValueError as error:  # the file is whole: another version built the network
            raise ModelError(
                f"the checkpoint does not fit this network ({error}): begin again with --overwrite"
            ) from error


def rate_factors(twin: keras.Model) -> dict[str, float]:
    """What each variable's gradient is multiplied by, by the variable's path: the square of the variable's own scale.

    Scaled by s, a weight has a gradient of 1/s and needs a step of s: the factor s twice. A kernel's scale is its root
    mean square over that of He's initialization; the first kernel, which meets pixels 0..255, has one of about 1/255. A
    bias has that of the sums that it is added to.
    """
    factors = {}
    for wrapper in rounded_kernels(twin):
        kernel = keras.ops.convert_to_numpy(wrapper.layer.kernel)
        fan_in = max(1, kernel.size // _outputs(wrapper))
        factors[wrapper.layer.kernel.path] = float(np.mean(np.square(kernel, dtype="float64")) * fan_in / 2)
        if wrapper.layer.use_bias:
            reach = float(keras.ops.convert_to_numpy(wrapper.output_reach))
            factors[wrapper.layer.bias.path] = (reach / USUAL_REACH) ** 2
    return {path: factor for path, factor in factors.items() if math.isfinite(factor) and factor > 0}


def _outputs(wrapper: RoundedKernel) -> int:
    """How many sums the kernel's weights make, one for each output channel."""
    shape = wrapper.layer.kernel.shape
    if type(wrapper.layer).__name__ == "DepthwiseConv2D":
        return shape[-1] * shape[-2]
    return shape[-2] if type(wrapper.layer).__name__ == "Conv2DTranspose" else shape[-1]
