"""What an app may do to the values of pixels before it feeds them: scale, shift, normalize, convert to a type."""

from dataclasses import dataclass

import numpy as np

from cnnedge.runtime import mismatch_words as words
from cnnedge.runtime.mismatch_words import Mistake
from cnnedge.runtime.runner import TensorSpec

# Mean and deviation of pixels 0..1, red, green and blue: torchvision's for ImageNet, Keras' "caffe" means (0..255),
# and the values in common use for CIFAR-10 and MNIST.
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEANS = (123.68, 116.779, 103.939)
CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
MNIST = (0.1307,), (0.3081,)
# A known map is recognized if it explains the values to this many pixel levels (root mean square) beyond what the
# best straight line leaves. Whole numbers are rounded, which adds up to 0.5; the closest pair of known maps in
# floats, /255 and /256, is 0.25 levels apart for a picture of medium brightness.
SLACK_FLOAT, SLACK_INTEGER = 0.05, 0.6
# Where the picture was resized, another antialiased filter than ours also changes the line by some tenths of a level.
SLACK_RESIZED = 2.0


@dataclass(frozen=True)
class ValueMap:
    """``value = pixel * scale + shift``, one of each or one per channel; ``mistake`` None where that is right."""

    mistake: Mistake | None
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __call__(self, pixels: np.ndarray, channels: np.ndarray) -> np.ndarray:
        """Map float ``pixels`` (..., n), of which value i belongs to channel ``channels[i]``."""
        of_channel = channels % len(self.scale)
        return pixels * np.array(self.scale)[of_channel] + np.array(self.shift)[of_channel]


def natural(dtype: str, spec: TensorSpec) -> ValueMap:
    """What pixels become when nothing is done to them but storing them as ``dtype``.

    In the file's own type that is its quantization; in int8, 128 is subtracted.
    """
    if dtype == spec.dtype and spec.scale:
        return ValueMap(None, (1 / spec.scale,), (float(spec.zero_point),))
    return ValueMap(None, (1.0,), (-128.0 if dtype == "int8" else 0.0,))


def known_maps(channels: int) -> list[ValueMap]:
    """Every mistake with values that has a name, for pictures of so many channels."""
    maps = [
        ValueMap(words.SCALED, (1 / 255,), (0.0,)),
        ValueMap(words.normalized("mean 127.5 and deviation 127.5 (-1..1)"), (1 / 127.5,), (-1.0,)),
        ValueMap(words.SCALED_TWICE, (1 / 255**2,), (0.0,)),
        ValueMap(words.MULTIPLIED, (255.0,), (0.0,)),
        ValueMap(words.INVERTED, (-1.0,), (255.0,)),
        ValueMap(words.SHIFTED, (1.0,), (-128.0,)),
        ValueMap(words.NOT_SHIFTED, (1.0,), (0.0,)),
        ValueMap(words.normalized("a division by 256"), (1 / 256,), (0.0,)),
        ValueMap(words.normalized("mean 128 and deviation 128"), (1 / 128,), (-1.0,)),
        ValueMap(words.normalized("-1..1, twice"), (1 / 127.5**2,), (-2 / 127.5,)),
        _normalization("mean and deviation of MNIST", *MNIST),
    ]
    if channels == 3:
        maps += [
            _normalization("mean and deviation of ImageNet", *IMAGENET),
            _normalization("mean and deviation of CIFAR-10", *CIFAR10),
            ValueMap(words.normalized("the means of ImageNet, 0..255"), (1.0,) * 3, tuple(-m for m in CAFFE_MEANS)),
        ]
    return maps


def _normalization(what: str, mean: tuple[float, ...], deviation: tuple[float, ...]) -> ValueMap:
    scale = tuple(1 / (255 * d) for d in deviation)
    shift = tuple(-m / d for m, d in zip(mean, deviation, strict=True))
    return ValueMap(words.normalized(what), scale, shift)


def cast(values: np.ndarray, dtype: str) -> list[np.ndarray]:
    """Float values as ``dtype``, in each way that languages convert: cut, rounded, and limited or wrapped round."""
    if np.issubdtype(dtype, np.floating):
        return [values.astype(dtype)]
    limits = np.iinfo(dtype)
    whole = [np.trunc(values), np.round(values)]
    limited = [numbers.clip(limits.min, limits.max).astype(dtype) for numbers in whole]
    return limited + [numbers.astype(np.int64).astype(dtype) for numbers in whole]


def name_map(
    values: np.ndarray, pixels: np.ndarray, channels: np.ndarray, right: ValueMap, *, resized: bool = False
) -> Mistake | None:
    """Which map made ``values`` (n,) of ``pixels`` (n,): None if it is ``right``, else the mistake.

    Whatever map of its own it may be, the mean and deviation that it used are worked out from the values. ``resized``
    says that the pixels are only near those that the app had.
    """
    fitted = fit(values, pixels, channels)
    steps = np.abs(np.array(fitted.scale))[channels]
    slack = SLACK_INTEGER if np.issubdtype(values.dtype, np.integer) else SLACK_FLOAT
    slack = SLACK_RESIZED if resized else slack

    def error(candidate: ValueMap) -> float:
        """In pixel levels, root mean square."""
        return float(np.sqrt(np.mean(((candidate(pixels, channels) - values) / steps) ** 2)))

    known = known_maps(len(fitted.scale))
    best = min((right, *known, *(_then(known_map, right) for known_map in known)), key=error)
    if error(best) <= error(fitted) + slack:
        return best.mistake
    means = ", ".join(f"{-shift / scale:.4g}" for scale, shift in zip(fitted.scale, fitted.shift, strict=True))
    deviations = ", ".join(f"{1 / scale:.4g}" for scale in fitted.scale)
    return words.normalized(f"mean {means} and deviation {deviations}, in pixels 0..255")


def _then(first: ValueMap, right: ValueMap) -> ValueMap:
    """``first``, and then the file's own quantization."""
    scale, shift = right.scale[0], right.shift[0]
    return ValueMap(first.mistake, tuple(scale * s for s in first.scale), tuple(scale * s + shift for s in first.shift))


def fit(values: np.ndarray, pixels: np.ndarray, channels: np.ndarray) -> ValueMap:
    """The straight line per channel that brings ``pixels`` closest to ``values``."""
    scales, shifts = [], []
    for channel in range(int(channels.max()) + 1):
        own = channels == channel
        x, y = pixels[own], values[own].astype(float)
        spread = float(np.var(x))
        scale = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread else 0.0
        scales.append(scale or float(np.finfo(float).eps))
        shifts.append(float(y.mean() - scale * x.mean()))
    return ValueMap(None, tuple(scales), tuple(shifts))
