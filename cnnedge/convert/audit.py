"""Looking at calibration images before they decide every activation range of a quantized file."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.calibration import spanning
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import Split
from cnnedge.errors import ConversionError, DataError
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import score

if TYPE_CHECKING:
    import keras

# Pictures: neighbouring pixels are alike (correlation 0.81 for MNIST, 0.93 for CIFAR-10, over 10,000 training images
# each); independent noise: 0 +- 1/sqrt(pixels). 0.3 is far from both.
SMALLEST_CORRELATION = 0.3
# Half of the images being copies of others halves what calibration sees; a dataset's few chance copies do not.
SMALLEST_DISTINCT = 0.5
# Pixel values span 0..255; 0..1 or -1..1 forced into bytes leaves at most 1.
LARGEST_NORMALIZED = 1
# Images looked at at once: of 224 x 224 pixels in colour, each of the two sides takes 10 MB in 64 bits.
_BLOCK = 8


def audit_calibration(calibration: Split, test: Split, classes: int) -> dict[str, Any]:
    """Facts about the calibration images, for the manifest, and under ``problems`` what is plainly wrong with them.

    Args:
        calibration: images uint8 (N, H, W, C), labels int64 (N,) below ``classes``.
        test: of the same dataset; only its images' hashes are looked at.

    Returns:
        images, per_class (list of counts), smallest, largest, mean (pixel values), neighbour_correlation (-1..1),
        duplicates (copies beyond the first), in_test (images whose pixels occur in test), problems (sentences).
    """
    hashes, in_test = calibration.hashes(), set(test.hashes())
    facts = {
        "images": len(calibration),
        "per_class": np.bincount(calibration.labels, minlength=classes).tolist(),
        **_pixel_facts(calibration),
        "duplicates": len(hashes) - len(set(hashes)),
        "in_test": sum(digest in in_test for digest in hashes),
    }
    return facts | {"problems": _problems(facts)}


def refuse_broken(facts: dict[str, Any]) -> None:
    """Raise if the audit found calibration images that would make a wrong file.

    Raises:
        DataError: names every problem.
    """
    if facts["problems"]:
        raise DataError(
            f"the calibration images are not usable: {'; '.join(facts['problems'])}; give images like those that the "
            "model will see, or add --force-calibration"
        )


def _problems(facts: dict[str, Any]) -> list[str]:
    found = []
    if facts["largest"] <= LARGEST_NORMALIZED:
        found.append(f"pixel values reach {facts['largest']} only, expected 0..255: they look already normalized")
    elif facts["neighbour_correlation"] < SMALLEST_CORRELATION:
        found.append(
            f"neighbouring pixels correlate by {facts['neighbour_correlation']:.2f}, pictures by more than "
            f"{SMALLEST_CORRELATION}: they look like noise"
        )
    if facts["duplicates"] > (1 - SMALLEST_DISTINCT) * facts["images"]:
        found.append(f"{facts['duplicates']} of {facts['images']} are copies of others")
    if facts["in_test"]:
        found.append(f"{facts['in_test']} of {facts['images']} are also test images")
    return found


def _pixel_facts(split: Split) -> dict[str, Any]:
    """The extremes, the mean, and the Pearson correlation of each pixel with the one to its right.

    The sums are whole numbers, hence exact whatever the blocks. Images without any contrast correlate by 1.
    """
    smallest, largest, count, total = 255, 0, 0, 0
    pairs, sums = 0, np.zeros(5, np.int64)
    for images, _ in split.batches(_BLOCK):
        smallest, largest = min(smallest, int(images.min())), max(largest, int(images.max()))
        count, total = count + images.size, total + int(images.sum(dtype=np.int64))
        left, right = (side.astype(np.int64) for side in (images[:, :, :-1], images[:, :, 1:]))
        pairs += left.size
        sums += [left.sum(), right.sum(), np.vdot(left, left), np.vdot(right, right), np.vdot(left, right)]
    correlation = _correlation(pairs, *sums.tolist())
    return {
        "smallest": smallest,
        "largest": largest,
        "mean": round(total / count, 2),
        "neighbour_correlation": round(correlation, 3),
    }


def _correlation(count: int, left: int, right: int, left_squares: int, right_squares: int, products: int) -> float:
    """Pearson's coefficient from whole sums over ``count`` pairs; 1 where either side is constant."""
    spreads = (count * left_squares - left * left) * (count * right_squares - right * right)
    return (count * products - left * right) / math.sqrt(spreads) if spreads else 1.0


def halves_differ(folded: "keras.Model", pixels: np.ndarray, validation: Split) -> float | None:
    """How far int8 files from two disjoint halves of the calibration images, uint8 (N, H, W, C), lie apart, in points
    of top-1 on the validation images; None where such files cannot be made: each that is asked for says why."""
    top1 = []
    for half in (pixels[::2], pixels[1::2]):
        try:
            content = convert_tflite(folded, precision="int8", pixels=spanning(half))
        except ConversionError:
            return None
        with open_runner(content, format="tflite") as runner:
            top1.append(score(runner, validation).top1)
    return round(100 * abs(top1[0] - top1[1]), 3)
