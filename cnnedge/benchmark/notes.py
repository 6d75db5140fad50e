"""What a reader must know before believing the figures of a benchmark document."""

import dataclasses
from collections.abc import Callable, Sequence

from cnnedge.benchmark import timing
from cnnedge.benchmark.doubts import doubts
from cnnedge.benchmark.layers import profile_notes
from cnnedge.benchmark.plan import NUM_RUNS, ROUNDS_PER_PROCESS
from cnnedge.documents import Document, Row
from cnnedge.names import ExportName

# Of the layers that an integer file leaves in float, so many are named.
NAMED_PARTS = 8


def notes(document: Document) -> list[str]:
    """One sentence for each thing to mind; the ``notes`` that ``document`` has already do not matter."""
    found = [*doubts(document), *_data_notes(document), *_method_notes(document)]
    found += [*_float_notes(document), *_qat_notes(document)]
    return [*found, *profile_notes(document.rows), *_noise_notes(document), *_slow_down_notes(document)]


def _data_notes(document: Document) -> list[str]:
    data, found = document.data, []
    if document.interrupted:
        found.append("The benchmark was interrupted: what is missing was not measured.")
    if data.is_sample:
        found.append(
            f"The {data.images:,} images are the small sample that comes with the package, not the full "
            "test set: accuracy is a rough figure."
        )
    if data.images < data.full_images:
        found.append(f"Accuracy on {data.images:,} of {data.full_images:,} test images (--limit).")
    if document.baseline is None:
        found.append("There is no float Keras baseline: differences, verdicts and speed-ups are not given.")
    return found


def _method_notes(document: Document) -> list[str]:
    """What was measured otherwise than usual, or assumed."""
    settings, found = document.settings, []
    if settings.num_runs < NUM_RUNS:
        found.append(f"At most {settings.num_runs} timed calls per row instead of {NUM_RUNS} (--num-runs).")
    if settings.processes is not None and settings.processes - 1 not in timing.STUDENT_T99:
        least = ROUNDS_PER_PROCESS * (min(timing.STUDENT_T99) + 1)
        found.append(f"Speed-ups have no interval: that takes at least {least} timed calls (--num-runs).")
    assumed = _labels(document, _was_assumed)
    if assumed:
        found.append(f"Fed pixels 0..255, for they do not say what else: {assumed} (--mean and --std change that).")
    software = _labels(document, lambda row: settings.device == "gpu" and row.runtime and row.device == "cpu")
    if software:
        found.append(f"No GPU: {software} ran on a software adapter, which is the CPU.")
    return found


def _was_assumed(row: Row) -> bool:
    """Whether the row was measured with pixels that nobody asked for."""
    return row.top1 is not None and row.preprocessing is not None and row.preprocessing.source == "assumed"


def _labels(document: Document, chosen: Callable[[Row], object]) -> str:
    return ", ".join(row.label for row in document.rows if chosen(row))


def _slow_down_notes(document: Document) -> list[str]:
    return [
        f"{row.label} took {row.sustained.change:.0%} longer at the end of the sustained load than at its "
        "beginning: this machine does not keep its speed."
        for row in document.rows
        if row.sustained and row.sustained.slowed
    ]


def _qat_notes(document: Document) -> list[str]:
    """Say so where quantization-aware training, which costs minutes, ended below plain post-training."""
    top1 = {row.file: row.top1 for row in document.rows if row.top1 is not None}
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


def _float_notes(document: Document) -> list[str]:
    """What integer files leave in float, by their own word."""
    return [
        f"{row.file} calculates in float: {_shortened(row.float_operators)}."
        for row in document.rows
        if row.float_operators
    ]


def _shortened(parts: Sequence[str]) -> str:
    more = len(parts) - NAMED_PARTS
    return ", ".join(parts[:NAMED_PARTS]) + (f" and {more} more" if more > 0 else "")


def _noise_notes(document: Document) -> list[str]:
    """Signs that the machine was too noisy for its timings to be trusted."""
    state, found = document.machine.conditions, []
    if state and state.steal > timing.NOISY_STEAL:
        found.append(f"Noisy machine: the hypervisor took {state.steal:.0%} of the time for others.")
    if state and state.busy_before > timing.NOISY_BUSY:
        found.append(f"Noisy machine: {state.busy_before:.0%} of it was busy before the timing began.")
    if state and state.throttled:
        found.append("The board slowed itself down (heat or power) while it was measured.")
    spread = {row.label: row.round_spread for row in document.rows if row.round_spread is not None}
    wide = [name for name, share in spread.items() if share > timing.NOISY_SPREAD]
    if wide:
        found.append(
            f"Noisy machine: the rounds of {', '.join(wide)} spread by more than {timing.NOISY_SPREAD:.0%} "
            "of their median; trust the intervals, not the digits, and measure again on a quiet machine."
        )
    return found
