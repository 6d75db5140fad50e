"""Quantization-aware training: fine-tune a folded model to answer as before although everything in it is rounded.

The rounding twin is trained to give the float model's own probabilities on training images. Four choices:

1. Activation ranges start from calibration images, see ``ranges``.
2. Weights use 7 bits, see ``grid``.
3. Batch normalization is folded beforehand, so the kernel that is rounded is the kernel in the file.
4. A step is measured by the weights that it changes, so that a network whose layers are scaled differently, but which
   computes the same, is trained the same. What is kept is the best state on validation images, the start included.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnedge.convert.qat.fake_quantize import RoundedKernel
from cnnedge.convert.qat.ranges import in_batches, start_ranges
from cnnedge.convert.qat.twin import float_layers, rounding_twin
from cnnedge.data import Dataset
from cnnedge.progress import Progress, silent
from cnnedge.training.batches import AugmentedBatches
from cnnedge.training.recipes import Recipe

MOMENTUM = 0.9
# Validation images are looked at this often.
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


@dataclass(frozen=True)
class Watched:
    """A state on the validation images: ``agreement`` with the float model's answers, 0..1, and the mean cross-entropy
    against its probabilities. ``step`` 0 is the start: post-training quantization with 7-bit weights."""

    step: int
    agreement: float
    cross_entropy: float


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
    batches: Iterable[np.ndarray],
    *,
    calibration: np.ndarray,
    validation: np.ndarray,
    schedule: Schedule,
    left_in_float: Collection[str] = (),
    progress: Progress = silent,
) -> Trained:
    """Fine-tune the rounding twin of ``folded``, and keep its best state.

    The loss is the cross-entropy against the float model's own probabilities (self-distillation): the aim is a file
    that answers as the baseline does.

    Args:
        folded: from ``fold.fold``; float32 pixels 0..255 in, probabilities out.
        batches: float32 (N, H, W, C) training images, pixels 0..255; ``schedule.steps`` of them are used.
        calibration, validation: float32 (N, H, W, C), for the ranges at the start and for choosing the best state.
        left_in_float: names of layers that are not rounded.

    Raises:
        ConversionError: see ``ranges.start_ranges``.
    """
    keras.utils.set_random_seed(schedule.seed)
    twin = rounding_twin(folded, left_in_float)
    start_ranges(twin, folded, calibration, calibrated=schedule.calibrated_ranges)
    watch = _Watch(twin, folded, validation)
    step = _training_step(twin, folded, schedule)
    checks = {round(schedule.steps * part / CHECKS) for part in range(1, CHECKS + 1)}
    for number, images in enumerate(batches, start=1):
        step(tf.convert_to_tensor(images))
        progress("quantization-aware training", number, schedule.steps)
        if number in checks:
            watch.look(number)
        if number == schedule.steps:
            break
    return Trained(
        twin, watch.restore_best(), watch.start, tuple(dict.fromkeys([*left_in_float, *float_layers(folded)]))
    )


def training_images(data: Dataset, recipe: Recipe, seed: int) -> tuple[int, Iterator[np.ndarray]]:
    """How many steps a recipe takes, and augmented float32 (N, H, W, C) images of the training split for each."""
    batches = AugmentedBatches(
        data.train,
        num_classes=len(data.labels),
        batch_size=min(recipe.batch_size, len(data.train)),
        augmentation=recipe.augmentation,
        seed=seed,
    )
    steps = max(1, round(recipe.qat_epochs * batches.steps))
    return steps, (batches[index][0] for index in range(steps))


class _Watch:
    """Looks at the twin on validation images, and remembers its best state."""

    def __init__(self, twin: keras.Model, folded: keras.Model, images: np.ndarray) -> None:
        self.twin, self.images = twin, images
        self.expected = np.concatenate([np.asarray(folded(part, training=False)) for part in in_batches(images)])
        self.answers = tf.function(lambda part: twin(part, training=False), reduce_retracing=True)
        self.start = self.best = self._now(0)
        self.weights = twin.get_weights()

    def look(self, step: int) -> None:
        """A state is better if it is nearer to the float model and agrees with it no less than the start does."""
        now = self._now(step)
        if now.agreement >= self.start.agreement and now.cross_entropy < self.best.cross_entropy:
            self.best, self.weights = now, self.twin.get_weights()

    def restore_best(self) -> Watched:
        self.twin.set_weights(self.weights)
        return self.best

    def _now(self, step: int) -> Watched:
        for layer in rounded_kernels(self.twin):
            layer.settle()
        found = np.concatenate([np.asarray(self.answers(part)) for part in in_batches(self.images)])
        entropy = -np.sum(self.expected * np.log(np.maximum(found, 1e-7)), axis=1)
        return Watched(step, float(np.mean(found.argmax(1) == self.expected.argmax(1))), float(np.mean(entropy)))


def rounded_kernels(twin: keras.Model) -> list[RoundedKernel]:
    return [layer for layer in twin.layers if isinstance(layer, RoundedKernel)]


def _training_step(twin: keras.Model, folded: keras.Model, schedule: Schedule) -> Callable[[Any], Any]:
    rate = keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.steps)
    optimizer = keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True)
    factors = rate_factors(twin)
    variables = [variable for variable in twin.trainable_variables if variable.path in factors]
    optimizer.build(variables)

    # Without XLA: on two x86 cores its step took 0.230 s where TensorFlow's own kernels took 0.162 s (cifar10). Both
    # give the same weights every time.
    @tf.function
    def step(images: Any) -> None:
        target = folded(images, training=False)
        with tf.GradientTape() as tape:
            answers = twin(images, training=True)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(target, answers))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(
            [factors[variable.path] * gradient for gradient, variable in zip(gradients, variables, strict=True)],
            variables,
        )

    return step


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
