"""The networks: plain Conv2D / BatchNormalization / ReLU / MaxPooling2D stacks with a Dense head.

Every model takes raw pixels 0..255, float32, NHWC, under the name ``image``, scales them itself and gives one
probability per class under the name ``probabilities``. All channel counts are multiples of 8, the tile of the CPU
kernels. Convolutions have no bias: the batch normalization behind each one brings it, and the exporters fold both into
one layer.

The designs follow two findings of SimpNet (Hasanpour et al., arXiv 1802.06205): balanced widths (89.70 % against 87.20
% for wide ends at 128,000 parameters) and max pooling, late (93.75 % against 93.46 % for strides).

Keras is imported where a network is built, so that the list of models costs nothing to read.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cnnedge.errors import UsageError
from cnnedge.model.plain_stack import POOL, plain_stack, stack_of
from cnnedge.names import expected_one_of

if TYPE_CHECKING:
    import keras

DIGIT_SHAPE, PHOTO_SHAPE = (28, 28, 1), (32, 32, 3)
# The network for someone's photos, whose size is chosen by the photos; it stands in no list.
PHOTOS = "photos"
# Someone's own network, read from a file; it stands in no list either.
OWN = "own"
# What a convolution sees after four poolings must still be a map.
LEAST_SIZE = 32


@dataclass(frozen=True)
class ModelSpec:
    """One network in the list: ``build(num_classes, width, seed)`` makes it, with random weights.

    ``input_shape`` is ``(height, width, channels)``; ``dataset`` is the name of the data it is trained on.
    """

    name: str
    dataset: str
    input_shape: tuple[int, int, int]
    build: "Callable[[int, float, int], keras.Model]"
    summary: str


def mnist(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """The MNIST network, int8 file below 50,000 bytes.

    ============= ============= ======= =========
    layer         output        weights MACs
    ============= ============= ======= =========
    conv1         (28, 28, 16)      144   112,896
    conv2         (28, 28, 16)    2,304 1,806,336
    conv3         (14, 14, 24)    3,456   677,376
    conv4         (14, 14, 32)    6,912 1,354,752
    conv5         (7, 7, 32)      9,216   451,584
    conv6         (7, 7, 32)      9,216   451,584
    probabilities (10)            2,880     2,880
    total                        34,128 4,857,408
    ============= ============= ======= =========

    Parameters, with batch normalization and biases: 34,746. A 2x2 max pooling follows conv2, conv4 and conv6. Source:
    designed here for the size limit. conv6 stands where a hidden Dense layer of 32 units stood, which had as many
    weights and more errors (see exported/TRAINING.md).
    """
    stack = (16, 16, POOL, 24, 32, POOL, 32, 32, POOL)
    return plain_stack("mnist", DIGIT_SHAPE, stack, num_classes, width, seed)


def mnist_tiny(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """The smallest MNIST network, int8 file below 20,000 bytes.

    ============= ============= ======= =========
    layer         output        weights MACs
    ============= ============= ======= =========
    conv1         (28, 28, 8)        72    56,448
    conv2         (28, 28, 8)       576   451,584
    conv3         (14, 14, 16)    1,152   225,792
    conv4         (14, 14, 16)    2,304   451,584
    conv5         (7, 7, 16)      2,304   112,896
    probabilities (10)            1,440     1,440
    total                         7,848 1,299,744
    ============= ============= ======= =========

    Parameters, with batch normalization and biases: 8,114. A 2x2 max pooling follows conv2, conv4 and conv5. Source:
    about the ``mnist`` network at half width, without its last convolution to make room for the passport.
    """
    stack = (8, 8, POOL, 16, 16, POOL, 16, POOL)
    return plain_stack("mnist-tiny", DIGIT_SHAPE, stack, num_classes, width, seed)


def cifar10(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """The CIFAR-10 network, int8 file below 512,024 bytes (that of MLPerf Tiny's large ResNet-8).

    ============= ============= ======= ==========
    layer         output        weights MACs
    ============= ============= ======= ==========
    conv1         (32, 32, 32)      864    884,736
    conv2         (32, 32, 32)    9,216  9,437,184
    conv3         (16, 16, 64)   18,432  4,718,592
    conv4         (16, 16, 64)   36,864  9,437,184
    conv5         (16, 16, 64)   36,864  9,437,184
    conv6         (8, 8, 96)     55,296  3,538,944
    conv7         (8, 8, 96)     82,944  5,308,416
    conv8         (8, 8, 96)     82,944  5,308,416
    conv9         (4, 4, 160)   138,240  2,211,840
    probabilities (10)            1,600      1,600
    total                       463,264 50,284,096
    ============= ============= ======= ==========

    Parameters, with batch normalization and biases: 466,090. A 2x2 max pooling follows conv2, conv5 and conv8; the
    global average of conv9 feeds the head. Source: designed here for the size limit, after the findings above. conv5
    costs no time in training that could be seen: on two x86 cores the layers at 32x32 take most of it.
    """
    stack = (32, 32, POOL, 64, 64, 64, POOL, 96, 96, 96, POOL, 160)
    return plain_stack("cifar10", PHOTO_SHAPE, stack, num_classes, width, seed)


def cifar10_small(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """The small CIFAR-10 network, int8 file below 98,496 bytes (that of MLPerf Tiny's ResNet-8).

    ============= ============= ======= ==========
    layer         output        weights MACs
    ============= ============= ======= ==========
    conv1         (32, 32, 16)      432    442,368
    conv2         (32, 32, 16)    2,304  2,359,296
    conv3         (16, 16, 32)    4,608  1,179,648
    conv4         (16, 16, 32)    9,216  2,359,296
    conv5         (8, 8, 48)     13,824    884,736
    conv6         (8, 8, 48)     20,736  1,327,104
    conv7         (8, 8, 64)     27,648  1,769,472
    probabilities (10)              640        640
    total                        79,408 10,322,560
    ============= ============= ======= ==========

    Parameters, with batch normalization and biases: 80,442. A 2x2 max pooling follows conv2 and conv4; the global
    average of conv7 feeds the head. Source: designed here for the size limit, after the findings above, and for the
    time it takes on one x86 processor: 24 filters in conv2 cost 30 % more of it in float32, 64 in conv7 no more than
    48 (see exported/TRAINING.md).
    """
    stack = (16, 16, POOL, 32, 32, POOL, 48, 48, 64)
    return plain_stack("cifar10-small", PHOTO_SHAPE, stack, num_classes, width, seed)


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec("mnist", "mnist", DIGIT_SHAPE, mnist, "handwritten digits, int8 below 50 kB, 4.9 MMAC"),
        ModelSpec("mnist-tiny", "mnist", DIGIT_SHAPE, mnist_tiny, "handwritten digits, int8 below 20 kB, 1.3 MMAC"),
        ModelSpec("cifar10", "cifar10", PHOTO_SHAPE, cifar10, "photos of 10 classes, int8 below 512 kB, 50 MMAC"),
        ModelSpec(
            "cifar10-small",
            "cifar10",
            PHOTO_SHAPE,
            cifar10_small,
            "photos of 10 classes, int8 below 98 kB, 10 MMAC",
        ),
    )
}


def photos(size: int) -> ModelSpec:
    """The plain network for photos of ``size`` x ``size`` pixels in colour.

    Its convolutions have 16, 32, 32, 64, 64, 96, 96 and 160 filters, a 2x2 max pooling after the first and then after
    every second of them, and the global average of the last feeds the head: 346,000 weights before the head, and 93
    million multiply-accumulates at 96 pixels, 257 million at 160. Source: the cifar10 network, with one convolution at
    full size, where they cost most.

    Raises:
        UsageError: ``size`` is below LEAST_SIZE.
    """
    if size < LEAST_SIZE:
        raise UsageError(f"size is {size}, expected at least {LEAST_SIZE} pixels")
    shape = (size, size, 3)
    stack = (16, POOL, 32, 32, POOL, 64, 64, POOL, 96, 96, POOL, 160)

    def build(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
        return plain_stack(PHOTOS, shape, stack, num_classes, width, seed)

    return ModelSpec(PHOTOS, "", shape, build, f"someone's photos at {size} x {size}")


def stacked(spec: ModelSpec, text: str) -> ModelSpec:
    """``spec`` with other layers, see ``plain_stack.stack_of``, which says what it raises."""
    stack = stack_of(text, spec.input_shape)

    def build(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
        return plain_stack(spec.name, spec.input_shape, stack, num_classes, width, seed)

    return replace(spec, build=build, summary=f"{spec.name} of {text}")


def own(shape: tuple[int, ...]) -> ModelSpec:
    """Someone's own network for images of ``shape``, (height, width, channels): it is read from a file, never built.

    Raises:
        UsageError: ``shape`` is not three sizes.
    """
    if len(shape) != 3:
        raise UsageError(f"the images of a network from a file are {shape}, expected (height, width, channels)")

    def build(num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
        raise UsageError("a network of one's own is read from its file: name it with --init")

    return ModelSpec(OWN, "", (shape[0], shape[1], shape[2]), build, "a network from a file")


def model_spec(name: str, size: int | None = None) -> ModelSpec:
    """The entry of ``name`` in the list, or with ``size`` the network of that name for images of ``size`` x ``size``.

    Raises:
        UsageError: no such model, or none that takes any size.
    """
    if name == PHOTOS and size is not None:
        return photos(size)
    if name not in MODELS or size is not None:
        raise UsageError(f"unknown model {name!r}: {expected_one_of(name, MODELS)}")
    return MODELS[name]


def build_model(name: str, *, num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """A fresh network with weights drawn from ``seed``.

    Args:
        name: a key of ``MODELS``.
        num_classes: how many probabilities come out, at least 2.
        width: factor on every channel count; unless it is 1, the result is rounded to a multiple of 8, at least 8.
        seed: the same seed gives the same weights on the same backend.

    Raises:
        UsageError: unknown name, fewer than 2 classes, or a width that is not positive.
    """
    spec = model_spec(name)
    if num_classes < 2:
        raise UsageError(f"num_classes is {num_classes}, expected at least 2")
    if not width > 0:
        raise UsageError(f"width is {width}, expected more than 0")
    return spec.build(num_classes, width, seed)


def count_macs(model: "keras.Model") -> int:
    """Multiply-accumulates of one image: the convolutions and dense layers, as the field counts them."""
    return sum(layer_macs(layer) for layer in model.layers)


def layer_macs(layer: "keras.layers.Layer") -> int:
    """Multiply-accumulates of one layer: each kernel weight once per output position; 0 without a kernel."""
    kernel = getattr(layer, "kernel", None)
    return 0 if kernel is None else math.prod(kernel.shape) * math.prod(layer.output.shape[1:-1])
