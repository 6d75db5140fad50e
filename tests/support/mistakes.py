"""Mistakes that apps make, injected: each turns pixels into the bytes that a wrong app feeds, or an answer into a dump.

Written without the package's own code, so that it is an independent answer to what ``cnnedge match`` finds.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
MNIST = 0.1307, 0.3081


def stored(values: np.ndarray, dtype: str) -> bytes:
    """Pixel values 0..255 (or what became of them) as an app stores them for a file of ``dtype``."""
    if dtype == "int8":
        return (np.asarray(values).astype(np.int64) - 128).astype(np.int8).tobytes()
    return np.asarray(values).astype(np.int64).astype(np.uint8).tobytes() if dtype == "uint8" else floats(values)


def floats(values: np.ndarray) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def cut(values: np.ndarray, dtype: str) -> bytes:
    """Scaled values as the file's type, without a thought of zero points: what a cast in C or Java does."""
    return floats(values) if dtype == "float32" else values.astype(np.int64).astype(dtype).tobytes()


def normalized(pixels: np.ndarray) -> np.ndarray:
    mean, deviation = IMAGENET if pixels.shape[2] == 3 else MNIST
    return (pixels / 255 - mean) / deviation


def other_type(pixels: np.ndarray, dtype: str) -> bytes:
    return stored(pixels, "int8" if dtype == "uint8" else "uint8")


# name of the mistake -> the bytes fed, from pixels uint8 (H, W, C) and the file's input type.
INPUTS: dict[str, tuple[str, Callable[[np.ndarray, str], bytes]]] = {
    "transposed": ("transposed", lambda x, t: stored(np.swapaxes(x, 0, 1), t)),
    "mirrored": ("flipped-horizontally", lambda x, t: stored(x[:, ::-1], t)),
    "upside down": ("flipped-vertically", lambda x, t: stored(x[::-1], t)),
    "turned by 90": ("rotated-90", lambda x, t: stored(np.rot90(x, 3), t)),
    "turned by 180": ("rotated-180", lambda x, t: stored(np.rot90(x, 2), t)),
    "turned by 270": ("rotated-270", lambda x, t: stored(np.rot90(x, 1), t)),
    "scaled to 0..1": ("scaling", lambda x, t: cut(x / 255, t)),
    "scaled twice": ("scaling-twice", lambda x, t: floats(x / 255 / 255)),
    "scaled to 0..1, as floats": ("scaling", lambda x, t: floats(x / 255)),
    "times 255": ("scaling-up", lambda x, t: floats(x * 255.0)),
    "scaled to -1..1": ("mean-deviation", lambda x, t: cut(x / 127.5 - 1, t)),
    "scaled to -1..1, as floats": ("mean-deviation", lambda x, t: floats(x / 127.5 - 1)),
    "mean and deviation": ("mean-deviation", lambda x, t: cut(normalized(x), t)),
    "mean and deviation, as floats": ("mean-deviation", lambda x, t: floats(normalized(x))),
    "a mean and deviation of one's own": ("mean-deviation", lambda x, t: floats((x - 101.7) / 43.2)),
    "inverted": ("inverted", lambda x, t: stored(255 - x, t)),
    "int8 for uint8 or uint8 for int8": ("dtype", other_type),
    "floats": ("dtype", lambda x, t: np.asarray(x, "<f8" if t == "float32" else "<f4").tobytes()),
    "whole numbers of 32 bits": ("dtype", lambda x, t: np.asarray(x, "<i4").tobytes()),
    "big endian floats": ("byte-order", lambda x, t: np.asarray(x, ">f4").tobytes()),
    "four images": ("batch", lambda x, t: stored(x, t) * 4),
    "an image and nothing": ("batch", lambda x, t: stored(x, t) + bytes(2 * len(stored(x, t)))),
    "with alpha": ("alpha", lambda x, t: stored(with_alpha(x), t)),
}
COLOUR_INPUTS: dict[str, tuple[str, Callable[[np.ndarray, str], bytes]]] = {
    "BGR": ("bgr", lambda x, t: stored(x[..., ::-1], t)),
    "channel-first": ("channel-first", lambda x, t: stored(x.transpose(2, 0, 1), t)),
    "grey": ("grey-for-rgb", lambda x, t: stored(np.round(x @ [0.299, 0.587, 0.114]), t)),
}
GREY_INPUTS: dict[str, tuple[str, Callable[[np.ndarray, str], bytes]]] = {
    "RGB": ("rgb-for-grey", lambda x, t: stored(x.repeat(3, axis=2), t)),
}


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    colours = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    return np.concatenate([colours, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)


def _small(large: np.ndarray, shape: tuple[int, int, int], shrink: Callable[[Image.Image, tuple], Image.Image]):
    picture = Image.fromarray(large[..., 0] if shape[2] == 1 else large)
    return np.asarray(shrink(picture, (shape[1], shape[0]))).reshape(shape)


def nearest(large: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Every k-th pixel, from the middle of each block: index arithmetic, no library."""
    rows, columns = ((np.arange(n) + 0.5) * size / n for n, size in zip(shape[:2], large.shape[:2], strict=True))
    return large[rows.astype(int)][:, columns.astype(int)]


def nearest_from_corner(large: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    rows, columns = (np.arange(n) * size // n for n, size in zip(shape[:2], large.shape[:2], strict=True))
    return large[rows][:, columns]


def bilinear(large: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Between the four nearest pixels, without antialiasing, pixel centres aligned: as OpenCV and Android do it."""
    y, x = ((np.arange(n) + 0.5) * size / n - 0.5 for n, size in zip(shape[:2], large.shape[:2], strict=True))
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    below, right = (y - top)[:, None, None], (x - left)[None, :, None]
    corners = large.astype(float)
    upper = corners[top][:, left] * (1 - right) + corners[top][:, left + 1] * right
    lower = corners[top + 1][:, left] * (1 - right) + corners[top + 1][:, left + 1] * right
    return np.round(upper * (1 - below) + lower * below).astype(np.uint8)


def middle(large: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The largest middle part of the file's aspect ratio, averaged to size."""
    height = large.shape[0]
    width = height * shape[1] // shape[0]
    start = (large.shape[1] - width) // 2
    return _small(large[:, start : start + width], shape, lambda p, size: p.resize(size, Image.Resampling.BILINEAR))


def bordered(large: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The whole picture, at its own aspect ratio, between black borders."""
    height = round(shape[0] * large.shape[0] * shape[1] / (large.shape[1] * shape[0]))
    inner = _small(large, (height, *shape[1:]), lambda p, size: p.resize(size, Image.Resampling.BILINEAR))
    found = np.zeros(shape, np.uint8)
    start = round((shape[0] - height) / 2)
    found[start : start + height] = inner
    return found


def right_filter(name: str) -> Callable[[np.ndarray, tuple[int, int, int]], np.ndarray]:
    filter = Image.Resampling[name]
    return lambda large, shape: _small(large, shape, lambda picture, size: picture.resize(size, filter))


RESIZES = {
    "nearest": nearest,
    "nearest from the corner": nearest_from_corner,
    "bilinear without antialiasing": bilinear,
    "middle": middle,
    "border": bordered,
}
ANTIALIASED = {name: right_filter(name) for name in ("BILINEAR", "BOX", "BICUBIC", "LANCZOS", "HAMMING")}


def softmax(values: np.ndarray) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum()


def seven_off(scores: np.ndarray) -> np.ndarray:
    """An order of labels that no sorting gives."""
    return np.roll(scores, 7)


# name of the mistake -> the bytes that come out, from probabilities (classes,).
OUTPUTS: dict[str, tuple[str, Callable[[np.ndarray], bytes]]] = {
    "logits": ("logits", lambda p: floats(np.log(np.maximum(p, 1e-9)) + 3.7)),
    "softmax twice": ("softmax-twice", lambda p: floats(softmax(p))),
    "percent": ("percent", lambda p: floats(100 * p)),
    "sorted": ("label-order", lambda p: floats(np.sort(p)[::-1])),
    "labels in another order": ("label-order", lambda p: floats(seven_off(p))),
    "big endian": ("byte-order", lambda p: p.astype(">f4").tobytes()),
    "two answers": ("batch", lambda p: floats(np.stack([p, p]))),
    "nothing": ("constant", lambda p: bytes(4 * len(p))),
    "no numbers": ("not-a-number", lambda p: floats(p * np.nan)),
    "doubles": ("dtype", lambda p: p.astype("<f8").tobytes()),
}
# The same for quantized outputs, from raw (classes,), scale and zero point.
QUANTIZED_OUTPUTS: dict[str, tuple[str, Callable[[np.ndarray, float, int], bytes]]] = {
    "other type": ("dtype", lambda raw, scale, zero: (raw.view("u1") ^ 0x80).tobytes()),
    "raw numbers": ("dequantization", lambda raw, scale, zero: floats(raw)),
    "divided by 255": ("dequantization", lambda raw, scale, zero: floats((raw.astype(float) - zero) / 255)),
    "not scaled": ("dequantization", lambda raw, scale, zero: floats(raw.astype(float) - zero)),
    "read with the other sign": ("dequantization", lambda raw, scale, zero: floats((other_sign(raw) - zero) * scale)),
}
INT8_OUTPUTS: dict[str, tuple[str, Callable[[np.ndarray, float, int], bytes]]] = {
    "zero point forgotten": ("dequantization", lambda raw, scale, zero: floats(raw * scale)),
    "zero point added": ("dequantization", lambda raw, scale, zero: floats((raw.astype(float) + zero) * scale)),
}


def other_sign(raw: np.ndarray) -> np.ndarray:
    return raw.view("i1" if raw.dtype == np.uint8 else "u1").astype(float)
