"""What an app does to pixels before it feeds the network: said by the user, put inside the file."""

from dataclasses import dataclass

import numpy as np

from cnnedge.errors import UsageError
from cnnedge.model.graph import Graph
from cnnedge.names import expected_one_of

# keras.applications.imagenet_utils.preprocess_input: the mean of ImageNet's colours as fractions of 255 and in BGR.
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Preprocessing:
    """``(pixels in the network's order of channels - mean) / std``; one number, or one a channel.

    ``reversed_channels``: the network takes BGR; mean and std are then in its order.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    reversed_channels: bool = False

    def __post_init__(self) -> None:
        if not all(np.isfinite([*self.mean, *self.std])) or 0 in self.std:
            raise UsageError(f"mean {self.mean} and std {self.std}: expected finite numbers, and no std of 0")
        if len(self.mean) not in (1, 3) or len(self.std) not in (1, 3):
            raise UsageError(f"mean {self.mean} and std {self.std}: expected one number, or one for each of 3 channels")

    @property
    def changes_nothing(self) -> bool:
        return not any(self.mean) and all(value == 1 for value in self.std) and not self.reversed_channels

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 ``(..., channels)`` of the same shape."""
        ordered = pixels[..., ::-1] if self.reversed_channels else pixels
        return ((ordered - np.array(self.mean)) / np.array(self.std)).astype("float32")


# The forms of keras.applications' preprocess_input, and the scaling to 0..1 of most tutorials.
NAMED = {
    "0..1": Preprocessing(std=(255.0,)),
    "tf": Preprocessing(mean=(127.5,), std=(127.5,)),
    "torch": Preprocessing(
        mean=tuple(255 * value for value in _TORCH_MEAN), std=tuple(255 * value for value in _TORCH_STD)
    ),
    "caffe": Preprocessing(mean=_CAFFE_MEAN, reversed_channels=True),
    "bgr": Preprocessing(reversed_channels=True),
}


def declared(
    *, scale: float | None = None, mean: str | None = None, std: str | None = None, named: str | None = None
) -> Preprocessing | None:
    """What the options ``--scale``, ``--mean``, ``--std`` and ``--preprocessing`` say; None where none is given.

    Args:
        scale: pixels are divided by it (255), or multiplied if it is below 1 (1/255, 0.00392).
        mean: comma-separated numbers in pixels, ``std`` likewise: ``(pixel - mean) / std``.
        named: a key of NAMED.

    Raises:
        UsageError: options that exclude each other, or that are no such numbers.
    """
    given = [name for name, value in (("--scale", scale), ("--preprocessing", named)) if value is not None]
    if mean is not None or std is not None:
        given.append("--mean and --std")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} each say all of the preprocessing: give one of them")
    if named is not None:
        if named not in NAMED:
            raise UsageError(f"unknown --preprocessing {named!r}: {expected_one_of(named, NAMED)}")
        return NAMED[named]
    if scale is not None:
        if not scale > 0:
            raise UsageError(f"--scale is {scale:g}, expected a positive number: 255 divides pixels by 255")
        return Preprocessing(std=(scale if scale >= 1 else 1 / scale,))
    if mean is None and std is None:
        return None
    return Preprocessing(_numbers(mean or "0", "--mean"), _numbers(std or "1", "--std"))


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}, expected one number or three with commas, as 127.5") from error


def put_inside(graph: Graph, preprocessing: Preprocessing) -> None:
    """Let the graph take raw pixels and do the preprocessing itself."""
    import keras

    shape = graph.image.shape
    channels = shape[-1] or 1
    if not preprocessing.changes_nothing:
        scale = 1 / np.broadcast_to(preprocessing.std, channels)
        offset = -np.broadcast_to(preprocessing.mean, channels) * scale
        graph.prepend(keras.layers.Rescaling(scale.tolist(), offset.tolist()), "preprocessing", shape)
    if preprocessing.reversed_channels:
        reverse = keras.src.ops.numpy.GetItem()
        node = graph.prepend(reverse, "reversed_channels", shape)
        node.connect((*node.args, (Ellipsis, slice(None, None, -1))), {})
