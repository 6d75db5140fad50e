"""What an app may do to the values of pixels before it feeds them: scale, shift, normalize, convert to a type."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.apps.match import mistakes as words
from cnnedge.apps.match.mistakes import Mistake

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

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


def natural(dtype: str, runner: "Runner") -> ValueMap:
    """What the file's own pixels become when they are stored as ``dtype`` and nothing else is done to them.

    In the file's own type that is its normalization and quantization, in floats its normalization; whole numbers of
    another type hold the pixels, in int8 less 128.
    """
    spec, wanted = runner.input, runner.normalization
    if dtype != spec.dtype and not dtype.startswith("float"):
        return ValueMap(None, (1.0,), (-128.0 if dtype == "int8" else 0.0,))
    own = dtype == spec.dtype
    step, zero_point = (spec.scale if own and spec.scale else 1.0), (spec.zero_point if own else 0)
    mean, deviation = np.broadcast_arrays(wanted.mean, wanted.std)
    return ValueMap(
        None,
        tuple((1 / (deviation * step)).tolist()),
        tuple((zero_point - mean / (deviation * step)).tolist()),
    )


def what_to_feed(runner: "Runner") -> str:
    """The file's wish in words, for whoever fed other values."""
    wanted = runner.normalization
    if wanted.is_raw:
        return "feed 0..255: the file scales inside"
    mean, deviation = ("/".join(f"{value:g}" for value in values) for values in (wanted.mean, wanted.std))
    return f"feed (pixel - {mean}) / {deviation}"


def known_maps(channels: int, runner: "Runner") -> list[ValueMap]:
    """Every mistake with values that has a name, for pictures of so many channels."""
    maps = [
        (words.SCALED, (1 / 255,), (0.0,)),
        (words.normalized("mean 127.5 and deviation 127.5 (-1..1)"), (1 / 127.5,), (-1.0,)),
        (words.SCALED_TWICE, (1 / 255**2,), (0.0,)),
        (words.MULTIPLIED, (255.0,), (0.0,)),
        (words.INVERTED, (-1.0,), (255.0,)),
        (words.SHIFTED, (1.0,), (-128.0,)),
        (words.NOT_SCALED, (1.0,), (0.0,)),
        (words.normalized("a division by 256"), (1 / 256,), (0.0,)),
        (words.normalized("mean 128 and deviation 128"), (1 / 128,), (-1.0,)),
        (words.normalized("-1..1, twice"), (1 / 127.5**2,), (-2 / 127.5,)),
        (words.normalized("mean and deviation of MNIST"), *_line(*MNIST)),
    ]
    if channels == 3:
        maps += [
            (words.normalized("mean and deviation of ImageNet"), *_line(*IMAGENET)),
            (words.normalized("mean and deviation of CIFAR-10"), *_line(*CIFAR10)),
            (words.normalized("the means of ImageNet, 0..255"), (1.0,) * 3, tuple(-mean for mean in CAFFE_MEANS)),
        ]
    fix = what_to_feed(runner)
    return [ValueMap(replace(mistake, fix=fix), scale, shift) for mistake, scale, shift in maps]


def _line(mean: tuple[float, ...], deviation: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scale and shift of a normalization of pixels 0..1."""
    scale = tuple(1 / (255 * d) for d in deviation)
    return scale, tuple(-m / d for m, d in zip(mean, deviation, strict=True))


def cast(values: np.ndarray, dtype: str) -> list[np.ndarray]:
    """Float values as ``dtype``, in each way that languages convert: cut, rounded, and limited or wrapped round."""
    if np.issubdtype(dtype, np.floating):
        return [values.astype(dtype)]
    limits = np.iinfo(dtype)
    whole = [np.trunc(values), np.round(values)]
    limited = [numbers.clip(limits.min, limits.max).astype(dtype) for numbers in whole]
    return limited + [numbers.astype(np.int64).astype(dtype) for numbers in whole]


def name_map(
    values: np.ndarray, pixels: np.ndarray, channels: np.ndarray, runner: "Runner", *, resized: bool = False
) -> tuple[Mistake | None, bool]:
    """Which map made ``values`` (n,) of ``pixels`` (n,): None if it is what the file asks for, else the mistake; and
    whether its numbers were worked out here, for it is none of those that are known.

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

    right = natural(values.dtype.name, runner)
    known = known_maps(len(fitted.scale), runner)
    best = min((right, *known, *(_then(known_map, right) for known_map in known)), key=error)
    if error(best) <= error(fitted) + slack:
        return best.mistake, False
    means = ", ".join(f"{-shift / scale:.4g}" for scale, shift in zip(fitted.scale, fitted.shift, strict=True))
    deviations = ", ".join(f"{1 / scale:.4g}" for scale in fitted.scale)
    own = words.normalized(f"mean {means} and deviation {deviations}, in pixels 0..255")
    return replace(own, fix=what_to_feed(runner)), True


def _then(first: ValueMap, right: ValueMap) -> ValueMap:
    """``first``, and then the file's own quantization."""
    scales, steps, shifts, zeros = np.broadcast_arrays(first.scale, right.scale, first.shift, right.shift)
    return ValueMap(first.mistake, tuple((scales * steps).tolist()), tuple((shifts * steps + zeros).tolist()))


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
