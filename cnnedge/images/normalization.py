"""From pixels 0..255 to what a file takes: its own scaling, if it has one, and its own quantization parameters."""

import math
from dataclasses import dataclass

import numpy as np

from cnnedge.errors import ModelError, UsageError


@dataclass(frozen=True)
class Normalization:
    """What a file wants to be fed: ``(pixel - mean) / std`` of a pixel 0..255, as in the standard TFLite metadata.

    One number for all channels, or one per channel. Without arguments: the pixels as they are.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not (self.mean and self.std and all(map(math.isfinite, (*self.mean, *self.std)))):
            raise ValueError(f"mean is {self.mean} and std {self.std}, expected a finite number for each channel")
        if min(self.std) <= 0:
            raise ValueError(f"std is {self.std}, expected numbers above 0: pixels are divided by them")

    @property
    def is_raw(self) -> bool:
        """Whether the pixels stay as they are."""
        return not any(self.mean) and all(value == 1.0 for value in self.std)

    def values(self, channels: int) -> np.ndarray:
        """What stands for each of the 256 pixel values: float64 ``(256, channels)``.

        Raises:
            ValueError: it has neither one number nor one per channel.
        """
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, channels):
                raise ValueError(f"{name} has {len(numbers)} numbers, expected 1 or {channels}, one per channel")
        column = np.arange(256, dtype=np.float64)[:, None]
        return np.broadcast_to((column - np.array(self.mean)) / np.array(self.std), (256, channels))


RAW = Normalization()


def asked_normalization(mean: str | None, std: str | None) -> Normalization | None:
    """What ``--mean`` and ``--std`` ask for, each one number or one per channel with commas; None where neither is
    given.

    Raises:
        UsageError: they are not numbers, or std is not above 0.
    """
    if mean is None and std is None:
        return None
    try:
        found = Normalization(_numbers(mean) or RAW.mean, _numbers(std) or RAW.std)
    except ValueError as error:
        raise UsageError(f"--mean {mean or 0} --std {std or 1}: {error}") from None
    _refuse_unit_scale(found)
    return found


def _refuse_unit_scale(asked: Normalization) -> None:
    """Refuse numbers for pixels 0..1, such as torchvision's: no file wants pixels 0..255 divided by less than 1.

    Raises:
        UsageError: a std is below 1; the message has the numbers for pixels 0..255.
    """
    if min(asked.std) >= 1:
        return
    mean, std = (",".join(f"{255 * value:.6g}" for value in values) for values in (asked.mean, asked.std))
    raise UsageError(
        f"--std {','.join(f'{value:g}' for value in asked.std)} is for pixels 0..1 (as torchvision's numbers are); "
        f"cnnedge counts pixels 0..255: give --mean {mean} --std {std}"
    )


def _numbers(text: str | None) -> tuple[float, ...]:
    return tuple(map(float, text.split(","))) if text else ()


def pixel_table(name: str, dtype: str, scale: float, zero_point: int, values: np.ndarray) -> np.ndarray:
    """The input value that stands for each pixel value: ``(256, channels)`` in the input's own ``dtype``.

    Args:
        name: the file's and the input's name, for errors.
        scale, zero_point: of a quantized input, which takes ``round(value / scale) + zero_point`` within its type's
            limits; scale 0.0 for a float input, and for ONNX's uint8, which takes the pixels themselves.
        values: float ``(256, channels)``, see ``Normalization.values``.

    Raises:
        ModelError: the input has another dtype, or was made for other values.
    """
    if dtype == "float32":
        return values.astype(np.float32)
    if dtype == "uint8" and not scale and not zero_point:
        scale = 1.0
    if dtype not in ("uint8", "int8", "int16") or scale <= 0:
        raise ModelError(
            f"{name} is {dtype} with scale {scale:g}, expected float32, or uint8, int8 or int16 with a scale"
        )
    limits = np.iinfo(dtype)
    largest = (limits.max - zero_point) * scale
    # An input that reaches less than half of what it will be fed was made for other values (0..1 where pixels
    # come): it would saturate on nearly all of them.
    if largest < values.max() / 2:
        raise ModelError(
            f"{name} reaches {largest:.3g} only, expected pixels {values.min():.3g}..{values.max():.3g}: it was made "
            "for scaled images; say how (--mean, --std), or export it again with cnnedge"
        )
    return (np.round(values / scale) + zero_point).clip(limits.min, limits.max).astype(dtype)
