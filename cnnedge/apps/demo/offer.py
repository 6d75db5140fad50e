"""The files that the page offers: what to feed each of them, what comes out, and Python's own answers to check by."""

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, UsageError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.images.normalization import Normalization
from cnnedge.images.pixels import to_pixels
from cnnedge.names import ExportName
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner

# The pictures of the self-check: of an odd size, so that the page's resize is checked with the file.
PICTURE_HEIGHT, PICTURE_WIDTH = 37, 23
PICTURES = 8
# Of so many random pictures, those that the file is least sure of are taken: a saturated answer hides a mistake.
CANDIDATES = 96
DIGITS = tuple("0123456789")
# How far a probability may lie from Python's, by precision. Whole numbers must be the same bit for bit; float sums
# depend on the order of their terms (2.4e-7 was measured on 1,000 images); dynamic files round activations that
# differ in their last bit to other steps (6.3e-3), and 16-bit activations to far smaller ones (3.7e-4).
TOLERANCES = {"int8": 0.0, "dynamic": 2e-2, "int16x8": 2e-3}
FLOAT_TOLERANCE = 1e-5
# What the tensors of LiteRT.js 2.5.3 hold.
LITERT_ENDS = ("float32", "int32", "uint8")


@dataclass(frozen=True, eq=False)
class Offered:
    """One file: the opened ``file``, what the page is ``told`` of it, and what a row of a table says of it."""

    file: ModelFile
    precision: str
    qat: bool
    tolerance: float
    told: dict[str, Any]

    @property
    def is_small(self) -> bool:
        """Whether it is what a phone would be given: LiteRT's integers."""
        return self.file.format == "tflite" and self.precision == "int8"

    @property
    def address(self) -> str:
        """Where the page finds it: by content, so that no browser takes an older file of the same name for it."""
        return f"models/{self.file.sha256[:16]}.{self.file.format}"


@dataclass(frozen=True, eq=False)
class Offer:
    """Everything that the page offers; ``refused`` says by file name why the others are not there."""

    files: list[Offered]
    refused: dict[str, str]

    @property
    def formats(self) -> list[str]:
        return sorted({one.file.format for one in self.files})


def make_offer(
    paths: Iterable[Path], normalization: Normalization | None = None, labels: tuple[str, ...] | None = None
) -> Offer:
    """Open every file and let Python answer the pictures of the self-check.

    Args:
        normalization, labels: what a person says of files that have no passport.

    Raises:
        UsageError: none of the files can be offered; the message has the first reason.
    """
    files: dict[str, Offered] = {}
    refused: dict[str, str] = {}
    for path in paths:
        try:
            one = _offered(path, normalization, labels)
        except CnnedgeError as error:
            refused[path.name] = str(error).removeprefix(f"{path.name}: ")
        else:
            files.setdefault(one.file.sha256, one)
    if not files:
        raise UsageError("none of the files can be shown: " + "; ".join(f"{n}: {why}" for n, why in refused.items()))
    return Offer(list(files.values()), refused)


def _offered(path: Path, normalization: Normalization | None, labels: tuple[str, ...] | None) -> Offered:
    file = open_model_file(path)
    if file.passport is None:
        file = file.told(normalization, labels)
    file.require_contract()
    name, passport = ExportName.parse(path), file.passport
    precision = passport.precision if passport else name.precision if name else file.facts.precision
    with open_runner(file) as runner:
        _require_ends(file, runner)
        tolerance = _tolerance(precision, runner)
        told = _told(file, runner) | _golden(runner) | {"precision": precision, "tolerance": tolerance}
    return Offered(file, precision, passport.qat if passport else bool(name and name.qat), tolerance, told)


def _require_ends(file: ModelFile, runner: Runner) -> None:
    """Refuse here, where a person can mend it, what LiteRT.js refuses on the phone."""
    ends = {"input": runner.input.dtype, "output": runner.output.dtype}
    unfit = [f"{dtype} {end}" for end, dtype in ends.items() if dtype not in LITERT_ENDS]
    if file.format == "tflite" and unfit:
        raise UsageError(
            f"{file.name}: it has {' and '.join(unfit)}, and LiteRT.js takes and gives {', '.join(LITERT_ENDS)} alone: "
            "export it with --io uint8 or --io float32"
        )


def _tolerance(precision: str, runner: Runner) -> float:
    """See TOLERANCES; an int8 ONNX file ends in a float division, whose last bit may differ."""
    if runner.output.scale:
        return TOLERANCES.get(precision, 0.0)
    return max(FLOAT_TOLERANCE, TOLERANCES.get(precision, FLOAT_TOLERANCE))


def _told(file: ModelFile, runner: Runner) -> dict[str, Any]:
    """What the page must know to feed the file and to read its answer."""
    names = file.class_names(runner.num_classes)
    table = runner.pixel_table
    return {
        "name": file.name,
        "folder": file.path.resolve().parent.name if file.path else "",
        "sha256": file.sha256,
        "size": len(file.content),
        "format": file.format,
        "shape": list(runner.input_shape),
        "channelsFirst": runner.channels_first,
        "input": {"name": runner.input.name, "dtype": runner.input.dtype, "shape": [1, *runner.input.shape[1:]]},
        "output": {
            "name": runner.output.name, "dtype": runner.output.dtype, "scale": runner.output.scale,
            "zeroPoint": runner.output.zero_point,
        },
        "table": None if table is None else table.reshape(256, -1).T.tolist(),
        "labels": list(names),
        "certain": file.contract.gives_probabilities,
        "isDigits": names == DIGITS and runner.input_shape == (28, 28, 1),
        "remark": file.remark(runner.num_classes),
    }  # fmt: skip


def _golden(runner: Runner) -> dict[str, Any]:
    """Pictures, the checksum of the pixels that Python makes of each, and the bytes that the file answers."""
    from PIL import Image

    pictures = _noise()
    pixels = np.stack([to_pixels(Image.fromarray(one), runner.input_shape) for one in pictures])
    scores = runner.predict(pixels)
    chosen = np.argsort(scores.max(1), kind="stable")[:PICTURES]
    fed = [runner.prepare(pixels[index][np.newaxis]) for index in chosen]
    return {
        "golden": [
            {
                "picture": int(index),
                "adler32": zlib.adler32(pixels[index].tobytes()),
                "output": _base64(runner.run(one).tobytes()),
            }
            for index, one in zip(chosen, fed, strict=True)
        ]
    }


def _noise() -> np.ndarray:
    """Random pictures, uint8 (N, 37, 23, 3): patches of 1 to 12 pixels, few of them bright.

    Of evenly bright noise the MNIST networks are 96 to 100 % sure; of the least sure eight of these, 30 to 50 %.
    """
    random = np.random.default_rng(17)
    found = []
    for number in range(CANDIDATES):
        patch = 1 + number % 12
        coarse = random.integers(0, 256, (-(-PICTURE_HEIGHT // patch), -(-PICTURE_WIDTH // patch), 3))
        large = coarse.repeat(patch, 0).repeat(patch, 1)[:PICTURE_HEIGHT, :PICTURE_WIDTH]
        found.append(255 * (large / 255) ** 5 * random.uniform(0.2, 1))
    return np.stack(found).astype(np.uint8)


def pictures_told(offer: Offer) -> dict[str, Any]:
    """The pictures of the self-check that some file's golden answers name, as base64 of RGB pixels."""
    pictures = _noise()
    used = sorted({entry["picture"] for one in offer.files for entry in one.told["golden"]})
    return {
        "width": PICTURE_WIDTH,
        "height": PICTURE_HEIGHT,
        "rgb": {str(index): _base64(pictures[index].tobytes()) for index in used},
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
