"""Seven ways in which a picture goes wrong, at five severities each; the same pictures give the same pixels.

"C-style", not CIFAR-10-C: that is a set of files (Hendrycks and Dietterich 2019, arXiv 1903.12261) made once with
other libraries. The severities are its authors', from ImageNet-C/create_c/make_cifar_c.py in
github.com/hendrycks/robustness at commit ca360085; the code is not. Figures on these pictures can be held against each
other, not against published ones.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

# Severity 1 to 5 of each corruption, in the unit that its function names.
SEVERITIES: dict[str, tuple[float, ...]] = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "brightness": (0.05, 0.10, 0.15, 0.20, 0.30),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "jpeg": (80, 65, 58, 50, 40),
    "pixelate": (0.95, 0.90, 0.85, 0.75, 0.65),
}
LEVELS = 5
Pixels = np.ndarray


def corrupt(images: np.ndarray, name: str, severity: int, *, seed: int = 0) -> np.ndarray:
    """``images`` with the corruption ``name`` (a key of ``SEVERITIES``) at ``severity`` 1..5.

    Args:
        images: uint8 ``(N, H, W, C)``, pixels 0..255, C = 1 (grey) or 3 (RGB).
        seed: of the two noises. Each severity has a noise of its own, which does not depend on the others.

    Returns:
        uint8 ``(N, H, W, C)``, rounded to the nearest pixel value. JPEG's pixels depend on Pillow's JPEG library.

    Raises:
        ValueError: no such corruption or severity, or images of another dtype or shape.
    """
    if name not in SEVERITIES or not 1 <= severity <= LEVELS:
        raise ValueError(f"{name} at severity {severity}, expected 1..{LEVELS} of {', '.join(SEVERITIES)}")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"images are {images.dtype} {images.shape}, expected uint8 (N, H, W, 1 or 3)")
    generator = np.random.default_rng((seed, list(SEVERITIES).index(name), severity))
    found = _CORRUPTIONS[name](images / 255, SEVERITIES[name][severity - 1], generator)
    return (255 * found.clip(0, 1)).round().astype(np.uint8)


def _gaussian_noise(pixels: Pixels, deviation: float, generator: np.random.Generator) -> Pixels:
    """Noise of this standard deviation; pixels are 0..1, here and below."""
    return pixels + generator.normal(scale=deviation, size=pixels.shape)


def _shot_noise(pixels: Pixels, photons: float, generator: np.random.Generator) -> Pixels:
    """So many photons reach a white pixel in the mean, and each pixel counts its own."""
    return generator.poisson(photons * pixels) / photons


def _gaussian_blur(pixels: Pixels, sigma: float, _: np.random.Generator) -> Pixels:
    """A Gaussian of ``sigma`` pixels; the border's pixels go on outside."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(pixels, sigma=(0, sigma, sigma, 0), mode="nearest")


def _brightness(pixels: Pixels, added: float, _: np.random.Generator) -> Pixels:
    """Raise HSV's value, the largest of a pixel's channels, and keep hue and saturation, that is their ratios."""
    value = pixels.max(axis=3, keepdims=True)
    brighter = np.minimum(value + added, 1)
    # Black has no hue: it becomes grey.
    return np.where(value > 0, pixels * brighter / np.where(value > 0, value, 1), brighter)


def _contrast(pixels: Pixels, factor: float, _: np.random.Generator) -> Pixels:
    """Draw every channel of a picture towards its mean."""
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    return mean + factor * (pixels - mean)


def _jpeg(pixels: Pixels, quality: float, _: np.random.Generator) -> Pixels:
    """Compress to JPEG of this quality, and back."""

    def compressed(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=int(quality))
        return Image.open(stream)

    return _each(pixels, compressed)


def _pixelate(pixels: Pixels, share: float, _: np.random.Generator) -> Pixels:
    """Shrink every side to this share, and enlarge the picture again."""

    def shrunk(picture: Image.Image) -> Image.Image:
        small = picture.resize((int(picture.width * share), int(picture.height * share)), Image.Resampling.BOX)
        return small.resize(picture.size, Image.Resampling.BOX)

    return _each(pixels, shrunk)


def _each(pixels: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Apply what Pillow does to one picture to all of them."""
    images = (255 * pixels).round().astype(np.uint8)
    pictures = [change(Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)) for image in images]
    return np.stack([np.asarray(picture) for picture in pictures]).reshape(images.shape) / 255


_CORRUPTIONS: dict[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "gaussian_blur": _gaussian_blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "pixelate": _pixelate,
}
