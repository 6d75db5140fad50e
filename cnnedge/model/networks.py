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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnedge.errors import UsageError
from cnnedge.names import expected_one_of

if TYPE_CHECKING:
    import keras

POOL = "pool"


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
    return _network("mnist", stack, num_classes, width, seed)


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
    return _network("mnist-tiny", stack, num_classes, width, seed)


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
    return _network("cifar10", stack, num_classes, width, seed)


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
    return _network("cifar10-small", stack, num_classes, width, seed)


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec("mnist", "mnist", (28, 28, 1), mnist, "handwritten digits, int8 below 50 kB, 4.9 MMAC"),
        ModelSpec("mnist-tiny", "mnist", (28, 28, 1), mnist_tiny, "handwritten digits, int8 below 20 kB, 1.3 MMAC"),
        ModelSpec("cifar10", "cifar10", (32, 32, 3), cifar10, "photos of 10 classes, int8 below 512 kB, 50 MMAC"),
        ModelSpec(
            "cifar10-small",
            "cifar10",
            (32, 32, 3),
            cifar10_small,
            "photos of 10 classes, int8 below 98 kB, 10 MMAC",
        ),
    )
}


def model_spec(name: str) -> ModelSpec:
    """The entry of ``name`` in the list.

    Raises:
        UsageError: no such model.
    """
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}: {expected_one_of(name, MODELS)}")
    return MODELS[name]


def build_model(name: str, *, num_classes: int = 10, width: float = 1.0, seed: int = 0) -> "keras.Model":
    """A fresh network with weights drawn from ``seed``.

    Args:
        name: a key of ``MODELS``.
        num_classes: how many probabilities come out, at least 2.
        width: factor on every channel count; the result is rounded to a multiple of 8, at least 8.
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


def _network(name: str, stack: tuple[int | str, ...], num_classes: int, width: float, seed: int) -> "keras.Model":
    """Scale, convolve and pool as ``stack`` says; the head flattens after a last pooling, else averages."""
    import keras
    from keras import layers

    image = keras.Input(MODELS[name].input_shape, name="image")
    features = layers.Rescaling(1 / 255, name="scale")(image)
    for position, step in enumerate(stack):
        number = 1 + sum(isinstance(before, type(step)) for before in stack[:position])
        if isinstance(step, str):
            features = layers.MaxPooling2D(2, name=f"pool{number}")(features)
        else:
            features = _convolution(features, _scaled(step, width), number, seed)
    if stack[-1] == POOL:
        features = layers.Flatten(name="flatten")(features)
    else:
        features = layers.GlobalAveragePooling2D(name="average")(features)
    features = layers.Dropout(0.1, seed=_layer_seed(seed, 102), name="dropout")(features)
    probabilities = layers.Dense(
        num_classes, activation="softmax", kernel_initializer=_initializer(seed, 103), name="probabilities"
    )(features)
    return keras.Model(image, probabilities, name=name)


def _convolution(features, filters: int, number: int, seed: int):
    """3x3 convolution, batch norm and ReLU, named ``conv<number>``, ``bn<number>`` and ``relu<number>``."""
    from keras import layers

    features = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer=_initializer(seed, number), name=f"conv{number}"
    )(features)
    # Momentum 0.9, not Keras's 0.99: a quick training has only some hundred steps an epoch to follow.
    features = layers.BatchNormalization(momentum=0.9, name=f"bn{number}")(features)
    return layers.ReLU(name=f"relu{number}")(features)


def _scaled(channels: int, width: float) -> int:
    return max(8, round(channels * width / 8) * 8)


def _initializer(seed: int, layer: int) -> "keras.Initializer":
    from keras import initializers

    return initializers.HeNormal(seed=_layer_seed(seed, layer))


def _layer_seed(seed: int, layer: int) -> int:
    """A seed of its own for every layer: two layers of one shape must not start with the same weights."""
    return seed * 1000 + layer
