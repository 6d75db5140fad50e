"""Quantization-aware training of a folded model, in the only room that knows tf_keras and TFMOT.

The folded Keras 3 model is rebuilt in tf_keras with every layer wrapped by TFMOT, its weights copied, and fine-tuned
to give the float model's own probabilities on training images. Three choices differ from TFMOT's default scheme:

1. Activation ranges start from calibration images. The default starts at -6..6 with a moving average of 0.999 and
   needs about 6,000 steps to converge; a shorter run exports ranges that are far too wide. After a ReLU the lower
   end is held at 0, so that the zero point is the type's minimum.
2. Weights use 7 bits, stored as the even numbers of the 8-bit grid. Two products of an unsigned 8-bit activation
   and a weight in -63..63 add up to at most 2 x 255 x 63 = 32,130 < 32,767, so the 16-bit sums of x86 processors
   without VNNI cannot saturate. TFLite holds the even integers, ONNX their halves: the same weights in both.
3. Batch normalization is folded beforehand, so the kernel that is fake-quantized is the kernel in the file, and
   the batch statistics are those of the float model.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.qat.ranges import output_ranges
from cnnedge.convert.qat.twin import check_supported, fake_quantized_twin, plain_twin
from cnnedge.progress import Progress, silent

if TYPE_CHECKING:
    import keras

MOMENTUM = 0.9
# The first kernel meets pixels 0..255. Trained on pixels / 255 its gradient would be 1/255 and its values 255 times
# as large, so a step of the same relative size needs the factor 1/255 twice.
FIRST_KERNEL_RATE = 1.0 / 255.0**2


def quantization_aware_train(
    folded: "keras.Model",
    batches: Iterable[np.ndarray],
    *,
    calibration: np.ndarray,
    steps: int,
    learning_rate: float,
    seed: int,
    calibrated_ranges: bool = True,
    progress: Progress = silent,
) -> Any:
    """Fine-tune the fake-quantized twin of ``folded`` and return it, a tf_keras model ready for ``convert_tflite``.

    The loss is the cross-entropy against the float model's own probabilities (self-distillation): the aim is a file
    that answers as the baseline does.

    Args:
        folded: from ``fold.fold``; float32 pixels 0..255 in, probabilities out.
        batches: float32 (N, H, W, C) training images, pixels 0..255; ``steps`` of them are used.
        calibration: float32 (N, H, W, C) calibration images for the initial activation ranges.
        steps: optimizer steps.
        learning_rate: of SGD with momentum 0.9, decaying to zero by a half cosine.
        seed: of everything random in tf_keras.
        calibrated_ranges: False starts every range at -6..6 as TFMOT does; for comparison only.

    Raises:
        ModelError: a layer that quantization-aware training cannot handle.
    """
    check_supported(folded)
    # tf_keras is the Keras that TFMOT builds on; the switch must be set before either is imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    teacher = plain_twin(folded)
    ranges = output_ranges(teacher, calibration) if calibrated_ranges else {}
    student = fake_quantized_twin(folded, ranges)
    _fine_tune(student, teacher, batches, steps, learning_rate, progress)
    return student


def _fine_tune(
    student: Any,
    teacher: Any,
    batches: Iterable[np.ndarray],
    steps: int,
    learning_rate: float,
    progress: Progress,
) -> None:
    import tensorflow as tf
    import tf_keras

    schedule = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = tf_keras.optimizers.SGD(schedule, momentum=MOMENTUM, nesterov=True)
    variables = student.trainable_variables
    optimizer.build(variables)
    first_kernel = next(i for i, variable in enumerate(variables) if "kernel" in variable.name)

    # Without XLA: on two x86 cores its step took 0.230 s where TensorFlow's own kernels took 0.162 s (cifar10). Both
    # give the same weights every time.
    @tf.function
    def step(images: Any) -> Any:
        target = teacher(images, training=False)
        with tf.GradientTape() as tape:
            answers = student(images, training=True)
            loss = tf.reduce_mean(tf_keras.losses.categorical_crossentropy(target, answers))
        gradients = tape.gradient(loss, variables)
        gradients[first_kernel] *= FIRST_KERNEL_RATE
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    for number, images in enumerate(batches, start=1):
        step(tf.convert_to_tensor(images))
        progress("quantization-aware training", number, steps)
        if number == steps:
            break
