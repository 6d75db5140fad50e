"""What a person asked of the files of an export: exit code 3 where one does not keep it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import GateError
from cnnedge.formats.inspection import inspect, unmet_requirements
from cnnedge.formats.model_file import open_model_file
from cnnedge.scoring.accuracy import images_to_tell
from cnnedge.scoring.allowance import OVER, judge

if TYPE_CHECKING:
    from cnnedge.manifest import FileEntry
    from cnnedge.scoring.score import Score

_INT8 = ("int8", "int8_mixed")


def check_drops(
    entries: "Mapping[str, FileEntry]", baseline: float, max_drop: float, scores: "Mapping[str, Score] | None" = None
) -> None:
    """Raise if a file's top-1 is more than ``max_drop`` points below the baseline's.

    Args:
        scores: the answers behind the figures, the baseline's among them, for saying what chance has to do with it.

    Raises:
        GateError: names the files and their losses.
    """
    # The accuracies are counts over the same images, so 1e-9 only absorbs the rounding of the subtraction.
    lost = {file: 100 * (baseline - entry.top1) for file, entry in entries.items() if entry.top1 is not None}
    over = [f"{file} ({points:.2f})" for file, points in lost.items() if points > max_drop + 1e-9]
    if over:
        chance = _chances([file for file, points in lost.items() if points > max_drop + 1e-9], max_drop, scores or {})
        raise GateError(f"lost more than {max_drop:g} points of top-1: {', '.join(over)}{chance}")


def _chances(files: Sequence[str], max_drop: float, scores: "Mapping[str, Score]") -> str:
    """Which of the losses may be chance, and how many images would tell."""
    baseline = next((found for file, found in scores.items() if file.endswith(".keras")), None)
    if baseline is None:
        return ""
    words = []
    for file in files:
        found = scores[file]
        lost, gained = int((baseline.hits & ~found.hits).sum()), int((found.hits & ~baseline.hits).sum())
        if judge(lost, gained, found.images, max_drop) != OVER:
            needed = images_to_tell(lost, gained, found.images, max(max_drop, 0.1))
            words.append(
                f"; {file} lost {lost} of {found.images:,} images and gained {gained}: too few to tell this from "
                f"chance, about {max(needed, found.images):,} would"
            )
    return "".join(words)


def check_required(folder: Path, entries: "Mapping[str, FileEntry]", requirements: Sequence[str]) -> None:
    """Raise if an exported file in ``folder`` does not meet ``requirements``, words of ``inspection.REQUIREMENTS``.

    "int8" is asked of the integer files alone.

    Raises:
        GateError: names the files, and the operators that stand against it.
        UsageError: there is no such requirement.
    """
    found = []
    for file, entry in entries.items():
        asked = [word for word in requirements if word != "int8" or entry.precision in _INT8]
        if entry.format != "keras" and asked:
            unmet = unmet_requirements(inspect(open_model_file(folder / file)), asked)
            found += [f"{file}: not {'; not '.join(unmet)}"] if unmet else []
    if found:
        raise GateError("; ".join(found))
