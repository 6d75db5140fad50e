"""Plain stacks of convolution, batch norm, ReLU and max pooling, with a Dense head: what our networks are made of."""

from typing import TYPE_CHECKING

from cnnedge.errors import UsageError

if TYPE_CHECKING:
    import keras

POOL = "pool"
Stack = tuple[int | str, ...]


def stack_of(text: str, input_shape: tuple[int, int, int]) -> Stack:
    """The stack that ``text``, as "16-16-P-32", says: the filters of each convolution, and P for a pooling.

    Raises:
        UsageError: ``text`` is no such list, or pools images of ``input_shape`` (height, width, channels) away.
    """
    words = text.split("-")
    if not all(word == "P" or (word.isdecimal() and int(word)) for word in words):
        raise UsageError(f"the stack is {text!r}, expected filters and poolings like 16-16-P-32-P")
    if min(input_shape[:2]) < 2 ** words.count("P"):
        raise UsageError(f"the stack {text} has {words.count('P')} poolings, too many for images of {input_shape}")
    return tuple(POOL if word == "P" else int(word) for word in words)


def plain_stack(
    name: str, input_shape: tuple[int, int, int], stack: Stack, num_classes: int, width: float, seed: int
) -> "keras.Model":
    """Scale, convolve and pool as ``stack`` says; the head flattens after a last pooling, else averages.

    Args:
        input_shape: (height, width, channels) of raw pixels 0..255.
        stack: filters of each 3x3 convolution, and POOL for a 2x2 max pooling.
        width: factor on every number of filters, rounded to a multiple of 8 unless it is 1.
        seed: draws the weights.
    """
    import keras
    from keras import layers

    image = keras.Input(input_shape, name="image")
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
    return channels if width == 1 else max(8, round(channels * width / 8) * 8)


def _initializer(seed: int, layer: int) -> "keras.Initializer":
    from keras import initializers

    return initializers.HeNormal(seed=_layer_seed(seed, layer))


def _layer_seed(seed: int, layer: int) -> int:
    """A seed of its own for every layer: two layers of one shape must not start with the same weights."""
    return seed * 1000 + layer
