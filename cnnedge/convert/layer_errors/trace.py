"""What every layer inside a model file gives for an image: the file run with its inner tensors kept.

Layers are called by the Keras classes that they compute, and their tensors are in Keras's axis orders, so that a
``.tflite`` and an ``.onnx`` file look alike from here on.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnedge.convert.layer_errors.float_layers import WEIGHTED


@dataclass(frozen=True)
class TracedLayer:
    """One layer of a file.

    Attributes:
        kind: the Keras class that it computes, with the ReLU behind it.
        where: the file's own word for it, for messages.
        kernel: float32, dequantized, in Keras's axis order; None for a layer without weights.
        scale, zero_point: of its output, a real value being ``(code - zero_point) * scale``; scale 0.0 is a float.
    """

    kind: str
    where: str
    kernel: np.ndarray | None
    scale: float
    zero_point: int

    def values(self, codes: np.ndarray) -> np.ndarray:
        """The real values, float32, of an output as the file holds it."""
        return dequantize(codes, self.scale, self.zero_point) if self.scale else codes

    @property
    def can_saturate(self) -> bool:
        """Whether its codes have ends to press against.

        Floats have none. A softmax's scale of 1/256 is fixed and not calibrated: the answer of a network that is sure
        lies at the end as it should.
        """
        return bool(self.scale) and self.kind != "Softmax"

    def saturated(self, codes: np.ndarray) -> int:
        """How many codes lie at an end of their type, where values beyond it would lie too.

        The smallest code does not count where it is the zero point: there it stands for what a ReLU cut off.
        """
        if not self.can_saturate:
            return 0
        ends = np.iinfo(codes.dtype)
        low = 0 if self.zero_point == ends.min else np.count_nonzero(codes == ends.min)
        return int(low + np.count_nonzero(codes == ends.max))


class Trace(ABC):
    """A model file with its inner tensors kept; ``layers`` are those of a kind in ``float_layers.KINDS``."""

    layers: list[TracedLayer]

    @abstractmethod
    def run(self, image: np.ndarray) -> list[np.ndarray]:
        """The output of every layer, in the file's own dtype, for one image prepared by ``Runner.prepare``.

        The shapes are Keras's but for sizes of 1: (1, H, W, C), or (1, C) with 1s somewhere between.
        """


def is_arithmetic(kind: str | None, constants: list[bool]) -> bool:
    """Whether an operator is no layer of its kind: a product of two activations, or a sum with a constant.

    ``constants`` says of its first two inputs whether they are constants.
    """
    return (kind in WEIGHTED and not constants[1]) or (kind == "Add" and any(constants))


def dequantize(codes: np.ndarray, scale: Any, zero_point: Any, axis: int = 0) -> np.ndarray:
    """(code - zero_point) * scale, float32; with several scales, one for each slice along ``axis``."""
    scale, zero_point = (np.asarray(value, "float64").reshape(-1) for value in (scale, zero_point))
    if len(scale) > 1:
        shape = [1] * codes.ndim
        shape[axis] = -1
        scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    return ((codes - zero_point) * scale).astype("float32")
