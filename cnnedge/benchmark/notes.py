"""What a reader must know before believing the figures of a benchmark document."""

import dataclasses
from typing import Any

from cnnedge.benchmark import timing
from cnnedge.benchmark.document import row_label
from cnnedge.names import ExportName


def notes(document: dict[str, Any]) -> list[str]:
    """One sentence for each thing to mind; ``document`` lacks its own ``notes`` still."""
    return [*_data_notes(document), *_qat_notes(document), *_noise_notes(document)]


def _data_notes(document: dict[str, Any]) -> list[str]:
    data, found = document["data"], []
    if document["interrupted"]:
        found.append("The benchmark was interrupted: what is missing was not measured.")
    if data["is_sample"]:
        found.append(
            f"The {data['images']:,} images are the small sample that comes with the package, not the full "
            "test set: accuracy is a rough figure."
        )
    if data["images"] < data["full_images"]:
        found.append(f"Accuracy on {data['images']:,} of {data['full_images']:,} test images (--limit).")
    if document["baseline"] is None:
        found.append("There is no float Keras baseline: differences, verdicts and speed-ups are not given.")
    return found


def _qat_notes(document: dict[str, Any]) -> list[str]:
    """Say so where quantization-aware training, which costs minutes, ended below plain post-training."""
    top1 = {row["file"]: row["top1"] for row in document["rows"] if row["top1"] is not None}
    found = []
    for file, trained in top1.items():
        name = ExportName.parse(file)
        if name is None or not name.qat:
            continue
        plain = dataclasses.replace(name, qat=False).filename
        if plain in top1 and trained < top1[plain]:
            found.append(
                f"Quantization-aware training gained nothing: {file} is {100 * (top1[plain] - trained):.2f} points "
                f"below {plain}."
            )
    return found


def _noise_notes(document: dict[str, Any]) -> list[str]:
    """Signs that the machine was too noisy for its timings to be trusted."""
    state, found = document["machine"]["conditions"], []
    if state and state["steal"] > timing.NOISY_STEAL:
        found.append(f"Noisy machine: the hypervisor took {state['steal']:.0%} of the time for others.")
    if state and state["busy_before"] > timing.NOISY_BUSY:
        found.append(f"Noisy machine: {state['busy_before']:.0%} of it was busy before the timing began.")
    if state and state["throttled"]:
        found.append("The board slowed itself down (heat or power) while it was measured.")
    spread = {row_label(row): row["round_spread"] for row in document["rows"] if row["round_spread"] is not None}
    wide = [name for name, share in spread.items() if share > timing.NOISY_SPREAD]
    if wide:
        found.append(
            f"Noisy machine: the rounds of {', '.join(wide)} spread by more than {timing.NOISY_SPREAD:.0%} "
            "of their median; trust the intervals, not the digits, and measure again on a quiet machine."
        )
    return found
