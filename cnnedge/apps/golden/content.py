"""The golden folder: pictures, the exact bytes to feed for them, and the exact bytes that the file gives back.

golden.json      the file's two ends, its labels, and for each picture its class and the file's answer
README.txt       what to do with all this, for someone who writes an app
NN.png           a picture at the file's size, as raw pixels
NN_large.png     the same picture enlarged to another aspect ratio, to try the app's own resize with
NN_input.bin     the bytes to feed for NN.png
NN_output.bin    the bytes that come out
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.apps.golden.readme import README
from cnnedge.errors import DataError
from cnnedge.runtime.runner import Runner, TensorSpec
from cnnedge.scoring.accuracy import better_order, wilson_interval

if TYPE_CHECKING:
    from PIL import Image

    from cnnedge.data import Split

MANIFEST = "golden.json"
SCHEMA = 1
MOST_IMAGES = 20
# Whoever feeds the large picture must shrink it by these factors; their difference shows a crop or a border.
LARGER_HEIGHT, LARGER_WIDTH = 3, 4
# The first images of each class among which the clearest is sought: enough to find unsure ones, quick to run.
CANDIDATES_PER_CLASS = 300
# Sure enough that a rounding step does not change the label, unsure enough that a mistake shows in the output.
TELLING_SCORE = 0.75
# An answer as sure as this, nearly all ones and zeros, is the answer to half of the class.
SATURATED = 0.98
# Pixel levels, root mean square, by which a picture must change when it is mirrored, turned, or its red and blue
# are exchanged; a grey or symmetrical picture would hide the mistake.
TELLING_CHANGE = 8.0


@dataclass(frozen=True, eq=False)
class GoldenImage:
    """One picture: ``pixels`` uint8 (H, W, C) at the file's size, ``large`` uint8 (3H, 4W, C), 0..255, RGB or grey.

    ``input`` and ``output`` are the bytes at the file's two ends; ``label`` is the index of the true class.
    """

    pixels: np.ndarray
    large: np.ndarray
    input: bytes
    output: bytes
    label: int


def names(number: int) -> dict[str, str]:
    """The names of one picture's files in the folder."""
    stem = f"{number:02d}"
    return {
        "picture": f"{stem}.png",
        "large": f"{stem}_large.png",
        "input": f"{stem}_input.bin",
        "output": f"{stem}_output.bin",
    }


def make_images(runner: Runner, test: "Split", labels: Sequence[str]) -> list[GoldenImage]:
    """Choose up to 20 test images, spread over the classes, and run the file on each.

    Preferred are images that the file gets right without being sure, and that change visibly when they are
    mirrored, turned or their colours exchanged: on those, every mistake of an app shows.

    Args:
        labels: the names of the classes of ``test``.

    Raises:
        DataError: the file is no better than guessing, or far better with its classes in another order: an app would
            be tested against wrong answers.
    """
    chosen, confusion = choose(runner, test, len(labels))
    _refuse_wrong(confusion, labels)
    return [
        _made(runner, pixels, int(label))
        for pixels, label in zip(test.pixels(chosen), test.labels[chosen], strict=True)
    ]


def choose(runner: Runner, test: "Split", classes: int) -> tuple[list[int], np.ndarray]:
    """Indices of at most 20 of the test images, the classes taking turns; and the confusion of all that were tried."""
    per_class, confusion = [], np.zeros((classes, classes), int)
    for label in np.unique(test.labels):
        candidates = np.flatnonzero(test.labels == label)[:CANDIDATES_PER_CLASS]
        images = test.pixels(candidates)
        scores = runner.predict(images)
        untelling = np.array([not is_telling(image) for image in images])
        wrong = scores.argmax(1) != label
        confusion[label] += np.bincount(scores.argmax(1), minlength=classes)
        flaws = untelling.astype(int) + (scores.max(1) > SATURATED) + 2 * wrong
        order = np.lexsort((np.abs(scores.max(1) - TELLING_SCORE), flaws))
        per_class.append(candidates[order].tolist())
    most = max(len(indices) for indices in per_class)
    turns = [indices[turn] for turn in range(most) for indices in per_class if turn < len(indices)]
    return turns[:MOST_IMAGES], confusion


def _refuse_wrong(confusion: np.ndarray, labels: Sequence[str]) -> None:
    pictures, right = int(confusion.sum()), int(confusion.trace())
    answered = better_order(confusion)
    if answered is not None:
        matched = confusion[np.arange(len(labels)), answered].sum() / pictures
        order = ",".join(labels[index] for index in np.argsort(answered))
        raise DataError(
            f"it answers {right / pictures:.0%} of {pictures:,} test pictures right, and would {matched:.0%} with its "
            f"classes in another order: if it was made so, add --labels {order}"
        )
    if wilson_interval(right, pictures)[0] <= 1 / len(labels):
        raise DataError(
            f"it answers {right / pictures:.0%} of {pictures:,} test pictures right, which may be guessing: wrong "
            "scaling (--mean, --std), labels in another order (--labels), or an untrained model"
        )


def is_telling(pixels: np.ndarray) -> bool:
    """Whether every mistake shows on uint8 ``pixels`` (H, W, C).

    They must change by TELLING_CHANGE under the least visible of the exchanges, and reach from 0 to 255: of scaled
    pixels that are cut to whole numbers, only black and white ones differ.
    """
    changed = [pixels[::-1], pixels[:, ::-1], pixels[::-1, ::-1]]
    if pixels.shape[0] == pixels.shape[1]:
        changed += [pixels.transpose(1, 0, 2), np.rot90(pixels), np.rot90(pixels, -1)]
    if pixels.shape[2] == 3:
        changed.append(pixels[..., ::-1])
    smallest = min(float(np.sqrt(np.mean((other.astype(float) - pixels) ** 2))) for other in changed)
    return smallest >= TELLING_CHANGE and pixels.min() == 0 and pixels.max() == 255


def _made(runner: Runner, pixels: np.ndarray, label: int) -> GoldenImage:
    from PIL import Image

    height, width, _ = pixels.shape
    size = LARGER_WIDTH * width, LARGER_HEIGHT * height
    large = as_picture(pixels).resize(size, Image.Resampling.BICUBIC)
    fed = runner.prepare(pixels[np.newaxis])
    return GoldenImage(
        pixels=pixels,
        large=np.asarray(large).reshape(size[1], size[0], -1),
        input=fed.tobytes(),
        output=runner.run(fed).tobytes(),
        label=label,
    )


def as_picture(pixels: np.ndarray) -> "Image.Image":
    """Pixels uint8 (H, W, 1 or 3) as a Pillow image."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    as_picture(pixels).save(stream, "PNG")
    return stream.getvalue()


def folder_content(
    runner: Runner, images: list[GoldenImage], *, sha256: str, labels: tuple[str, ...], data: str, licence: str
) -> dict[str, bytes]:
    """Every file of the folder by name. ``data`` names the dataset, whose images are under ``licence``."""
    content: dict[str, bytes] = {}
    entries = []
    for number, image in enumerate(images):
        own = names(number)
        content[own["picture"]], content[own["large"]] = _png(image.pixels), _png(image.large)
        content[own["input"]], content[own["output"]] = image.input, image.output
        scores = scores_of(runner, image)
        best = int(scores.argmax())
        entries.append(
            {**own, "label": labels[image.label], "answer": labels[best], "index": best, "score": float(scores[best])}
        )
    document = {
        "schema": SCHEMA,
        "file": {"name": runner.name, "sha256": sha256, "format": runner.format},
        "input": {**_end(runner.input, len(images[0].input)), **asdict(runner.normalization)},
        "output": _end(runner.output, len(images[0].output)),
        "labels": list(labels),
        "data": {"name": data, "split": "test", "licence": licence},
        "images": entries,
    }
    content["README.txt"] = README.substitute(
        file=runner.name, images=len(images), data=data, licence=licence or "not stated: ask whoever made them"
    ).encode()
    content[MANIFEST] = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    return content


def scores_of(runner: Runner, image: GoldenImage) -> np.ndarray:
    """What the file answers for the picture, one number a class."""
    return runner.probabilities(np.frombuffer(image.output, runner.output.dtype)[np.newaxis])[0]


def _end(spec: TensorSpec, size: int) -> dict[str, Any]:
    return {
        "name": spec.name,
        "shape": [1, *spec.shape[1:]],
        "dtype": spec.dtype,
        "scale": spec.scale,
        "zero_point": spec.zero_point,
        "bytes": size,
        "byte_order": "little endian",
    }
