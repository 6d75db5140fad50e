"""What we ship, and pictures of every kind, damaged in a seeded, random way.

``KINDS[kind](seed)`` gives the same bytes for the same seed.
"""

import functools
import io
import json
import random
import re
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_SHIPPED = Path(__file__).parents[2] / "exported" / "mnist-tiny"
INTEGERS = (0, 1, 2, 3, 5, -1, -2, 255, 256, 65_535, 65_536, 2**31 - 1, -(2**31))
FLOATS = (0.0, -1.0, 1e-30, 1e30, 1e-9, 1e9, 1.0, float("inf"), float("nan"))
_PICTURES = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM", "MPO")


def damaged(content: bytes, seed: int) -> bytes:
    """Flip bits, overwrite numbers, swap words, copy or cut: one kind of damage, at 1 to 8 places."""
    chance = random.Random(seed)
    kind = chance.choice(["bit", "bit", "byte", "integer", "integer", "float", "swap", "copy", "cut"])
    changed = bytearray(content)
    if kind == "cut":
        return content[: chance.randrange(len(content))]
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        place = chance.randrange(len(content))
        word, other = place & ~3, chance.randrange(len(content)) & ~3
        if max(word, other) + 16 > len(content):
            continue
        if kind == "bit":
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == "byte":
            changed[place] = chance.randrange(256)
        elif kind == "integer":
            struct.pack_into("<i", changed, word, chance.choice(INTEGERS))
        elif kind == "float":
            struct.pack_into("<f", changed, word, chance.choice(FLOATS))
        elif kind == "swap":
            changed[word : word + 4], changed[other : other + 4] = (
                changed[other : other + 4], changed[word : word + 4],
            )  # fmt: skip
        else:
            changed[word : word + 16] = content[other : other + 16]
    return bytes(changed)


@functools.cache
def _shipped(file: str) -> bytes:
    return (_SHIPPED / file).read_bytes()


@functools.cache
def _encoded(format: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def _keras(seed: int) -> bytes:
    """Of three, one is damaged anywhere, and the others are sound archives, whose checksums find no fault: one with a
    number of its configuration at an edge, one with damaged weights."""
    if seed % 3 == 1:
        return damaged(_shipped("mnist-tiny.keras"), seed)
    changed = "config.json" if seed % 3 == 0 else "model.weights.h5"
    file, chance = io.BytesIO(), random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(_shipped("mnist-tiny.keras"))) as whole, zipfile.ZipFile(file, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            if name == changed:
                content = _edged(content, chance) if seed % 3 == 0 else damaged(content, seed)
            archive.writestr(name, content)
    return file.getvalue()


@functools.cache
def _small_h5() -> bytes:
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.h5"
        keras.Model(image, keras.layers.Dense(3, activation="softmax")(x)).save(path)
        return path.read_bytes()


def _edged(config: bytes, chance: random.Random) -> bytes:
    text = config.decode()
    place = chance.choice(list(re.finditer(r"(?<=[ \[])\d+(\.\d+)?(?=[,\]}])|true|false|null", text)))
    values = [*INTEGERS, 10**8, 2**62, 0.5, 1e30, None, True, False, "x", [], [3, 3, 3], {}]
    return f"{text[: place.start()]}{json.dumps(chance.choice(values))}{text[place.end() :]}".encode()


KINDS: dict[str, Callable[[int], bytes]] = {
    "damaged-tflite": lambda seed: damaged(_shipped("mnist-tiny_int8.tflite"), seed),
    "damaged-onnx": lambda seed: damaged(_shipped("mnist-tiny_int8.onnx"), seed),
    "damaged-picture": lambda seed: damaged(_encoded(_PICTURES[seed % len(_PICTURES)]), seed),
    "damaged-keras": _keras,
    "damaged-h5": lambda seed: damaged(_small_h5(), seed),
}
