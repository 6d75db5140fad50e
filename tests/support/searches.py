"""Records of searches, made by hand."""

from typing import Any

from cnnedge.documents.trials import TRIALS_SCHEMA, LayerCost, Paired, Search, Subject, Trial, Wish
from cnnedge.scoring.allowance import judge


def trial(precision: str, size: int, lost: int = 0, gained: int = 0, *, images: int = 2000, **more: Any) -> Trial:
    """A candidate of a float model that is right on nine of ten; judged with 0.5 points."""
    right = 9 * images // 10 + gained - lost
    verdict = judge(lost, gained, images, 0.5)
    found = Paired(images=images, right=right, lost=lost, gained=gained, verdict=verdict)
    return Trial(format="tflite", precision=precision, size_bytes=size, validation=found, **more)


def search(*trials: Trial, prefer: str = "smallest", images: int = 2000, **more: Any) -> Search:
    wish = Wish(0.5, prefer, ("tflite",), ("int8", "int8_mixed", "float16"), 0)
    subject = Subject("digits", "a" * 64, "mnist", "b" * 64, images, "c" * 64, 1000)
    return Search(
        schema=TRIALS_SCHEMA, wish=wish, subject=subject, baseline=9 * images // 10, trials=trials,
        layers=(LayerCost("conv1", 0.2, 0.6), LayerCost("conv2", 0.0, 0.0)), **more,
    )  # fmt: skip
