"""What ``cnnedge benchmark`` measures: the files that were named, as candidates, on the device that was asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.errors import CnnedgeError, UsageError

if TYPE_CHECKING:
    from cnnedge.benchmark.candidate import Candidate
    from cnnedge.images.normalization import Normalization


def make_candidates(
    exported: list[Path], keras: list[Path], device: str, normalization: "Normalization | None"
) -> "tuple[list[Candidate], str | None]":
    """One candidate per exported file and three per Keras file, and the name of the baseline.

    Raises:
        UsageError: there is no file for the ``normalization``.
    """
    from cnnedge.benchmark.candidate import candidates_for, keras_candidates

    found: list[Candidate] = []
    for file in keras:
        from cnnedge.model.baseline import MODES, OPENER

        found += keras_candidates(file, opener=OPENER, modes=MODES, device=device)
    others = candidates_for(exported, device=device, normalization=normalization)
    if normalization is not None and not any(_source(candidate) == "options" for candidate in others):
        raise UsageError("--mean and --std are for files without a passport, and each of these says what to feed it")
    return found + others, keras[0].name if keras else None


def _source(candidate: "Candidate") -> str | None:
    """Who says what the candidate is fed."""
    return candidate.preprocessing["source"] if candidate.preprocessing else None


def chosen_normalization(mean: str | None, std: str | None) -> "Normalization | None":
    """What --mean and --std ask for; None where neither was given.

    Raises:
        UsageError: they are not numbers, or std is not above 0.
    """
    from cnnedge.images.normalization import RAW, Normalization

    if mean is None and std is None:
        return None
    try:
        return Normalization(_numbers(mean) or RAW.mean, _numbers(std) or RAW.std)
    except ValueError as error:
        raise UsageError(f"--mean {mean or 0} --std {std or 1}: {error}") from None


def _numbers(text: str | None) -> tuple[float, ...]:
    return tuple(map(float, text.split(","))) if text else ()


def require_gpu(candidates: "list[Candidate]") -> None:
    """Say what is missing for GPU figures, before the long work.

    Raises:
        CnnedgeError: no runtime of these files finds a GPU.
    """
    from cnnedge.benchmark.gpu import gpu_refusals

    works, missing = gpu_refusals(candidates)
    if not works:
        raise CnnedgeError(f"--device gpu: no GPU can be used here. {'; '.join(missing)}")
    for answer in works:
        console.say(f"--device gpu: {answer}")
