"""Time per layer: from a profile's operators to the layers of the file, and the float file's beside them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnedge.benchmark.measurement import Profiled
from cnnedge.benchmark.timing import STUDENT_T99
from cnnedge.documents import Layer, Profile, Row
from cnnedge.errors import CnnedgeError
from cnnedge.formats.facts import OperatorFacts
from cnnedge.names import ExportName
from cnnedge.runtime.profiling import OperatorEvent

CHANNEL_BLOCK = 16
# Layers that a sentence names.
SHOWN_SLOWER = 3
# The share of a call by which its operators' sum may exceed it before a note says so: what --layers calls slower.
GREAT_COST = 0.10
# What the runtimes call the file's operators: the beginning of an XNNPACK operator's name, and ONNX Runtime's fused or
# integer forms. What is not listed is looked for by its own name.
FAMILIES: dict[str, tuple[str, ...]] = {
    "Convolution": ("CONV_2D", "DEPTHWISE_CONV_2D"), "Deconvolution": ("TRANSPOSE_CONV",),
    "Fully Connected": ("FULLY_CONNECTED",), "Batch Matrix Multiply": ("BATCH_MATMUL",),
    "Max Pooling": ("MAX_POOL_2D",), "Average Pooling": ("AVERAGE_POOL_2D", "MEAN"),
    "Global Average Pooling": ("AVERAGE_POOL_2D", "MEAN"), "Mean": ("MEAN",), "Softmax": ("SOFTMAX",),
    "Add": ("ADD",), "Multiply": ("MUL",), "Subtract": ("SUB",),
    "QLinearConv": ("Conv", "QLinearConv"), "FusedConv": ("Conv", "FusedConv"), "QGemm": ("Gemm", "MatMul", "QGemm"),
    "FusedGemm": ("Gemm",), "FusedMatMul": ("MatMul",), "QLinearMatMul": ("MatMul", "QLinearMatMul"),
    "NhwcMaxPool": ("MaxPool",), "QLinearAdd": ("Add",), "QLinearGlobalAveragePool": ("GlobalAveragePool",),
    "QLinearAveragePool": ("AveragePool",), "QLinearSoftmax": ("Softmax",),
}  # fmt: skip


def summarize(
    blocks: Sequence[Sequence[Sequence[OperatorEvent]]],
    plain_ns: Sequence[Sequence[int]],
    profiled_ns: Sequence[int],
    operators: Sequence[OperatorFacts],
) -> Profiled:
    """The layers of a file from ``blocks`` of profiled calls, what plain calls took in each, and what profiled ones.

    A layer's time is its mean over the quicker half of the calls, by the sum of their operators: whole microseconds
    average out, and calls that other work on the machine interrupted stay out.

    Raises:
        CnnedgeError: the calls do not run the same operators.
    """
    calls = [call for block in blocks for call in block]
    if len({tuple((event.op, event.number) for event in call) for call in calls}) != 1 or not calls[0]:
        raise CnnedgeError("the profiled calls do not run the same operators")
    times = np.array([[event.microseconds for event in call] for call in calls]) / 1000
    order = np.argsort(times.sum(axis=1), kind="stable")
    layer_ms = times[order[: (len(order) + 1) // 2]].mean(axis=0)
    sums = [float(np.median([sum(event.microseconds for event in call) for call in block])) / 1000 for block in blocks]
    plain = [float(np.median(block)) / 1e6 for block in plain_ns]
    checked = Profile(
        runs=len(calls),
        sum_ms=round(float(layer_ms.sum()), 6),
        call_ms=round(float(np.median(np.concatenate(plain_ns))) / 1e6, 6),
        profiled_ms=round(float(np.median(profiled_ns)) / 1e6, 6),
        noise_ms=round(_half_interval(np.array(plain) - np.array(sums)), 6),
        operators=len(calls[0]),
    )
    return Profiled(_layers(calls[0], layer_ms, operators), checked)


def _half_interval(differences: np.ndarray) -> float:
    """Half of the 99 % interval of the blocks' mean; without bound (the largest difference) below three blocks."""
    degrees = len(differences) - 1
    if degrees not in STUDENT_T99:
        return float(np.abs(differences).max())
    return STUDENT_T99[degrees] * float(differences.std(ddof=1)) / math.sqrt(len(differences))


def _layers(call: Sequence[OperatorEvent], ms: np.ndarray, operators: Sequence[OperatorFacts]) -> list[Layer]:
    total = float(ms.sum()) or 1.0
    matched = match_operators(call, operators)
    return [
        _layer(event, float(one), float(one) / total, facts)
        for event, one, facts in zip(call, ms, matched, strict=True)
    ]


def _layer(event: OperatorEvent, ms: float, share: float, facts: OperatorFacts | None) -> Layer:
    moved = event.activation_bytes
    if facts is not None:
        moved = facts.activation_bytes if moved is None else moved
        moved = None if moved is None else moved + facts.weight_bytes
    return Layer(
        name=facts.where if facts else "",
        op=facts.op if facts else event.op,
        kernel=event.op,
        runs_on=event.runs_on,
        ms=round(ms, 6),
        share=round(share, 4),
        macs=(facts.macs or None) if facts else None,
        bytes=moved,
    )


def match_operators(events: Sequence[OperatorEvent], operators: Sequence[OperatorFacts]) -> list[OperatorFacts | None]:
    """Which of the file's operators each event is, or None: as the runtime says, else by kind in the file's order.

    Runtimes fuse operators and add some of their own. A file of which not every convolution and dense layer finds its
    event, with as many values where the runtime tells, has none matched by kind: its layers have no MACs then.
    """
    said = [_said(event, operators) for event in events]
    others = [one for number, one in enumerate(operators) if number not in said]
    by_kind = iter(_by_kind([event for event, number in zip(events, said, strict=True) if number is None], others))
    return [
        next(by_kind) if number is None else _numbered(number, event, operators)
        for event, number in zip(events, said, strict=True)
    ]


def _said(event: OperatorEvent, operators: Sequence[OperatorFacts]) -> int | None:
    """The number of the operator that an event says it is: itself, or by a name that only one of its kind has."""
    if event.number is not None:
        return event.number
    named = [
        number for number, one in enumerate(operators)
        if event.name in one.names and one.op in _kinds(event) and _may_write(event, one)
    ]  # fmt: skip
    return named[0] if len(named) == 1 else None


def _kinds(event: OperatorEvent) -> tuple[str, ...]:
    """What the file may call an event's operator."""
    return FAMILIES.get(event.op.partition(" (")[0], (event.op,))


def _numbered(number: int, event: OperatorEvent, operators: Sequence[OperatorFacts]) -> OperatorFacts | None:
    one = operators[number] if number < len(operators) else None
    return one if one is not None and one.op in _kinds(event) else None


def _by_kind(events: Sequence[OperatorEvent], operators: Sequence[OperatorFacts]) -> list[OperatorFacts | None]:
    found: list[OperatorFacts | None] = []
    place = 0
    for event in events:
        names = _kinds(event)
        stop = next((at + 1 for at in range(place, len(operators)) if operators[at].is_compute), len(operators))
        at = next((at for at in range(place, stop) if operators[at].op in names), None)
        found.append(None if at is None else operators[at])
        place = place if at is None else at + 1
    compute = [(event, one) for event, one in zip(events, found, strict=True) if one is not None and one.is_compute]
    whole = [one for _, one in compute] == [one for one in operators if one.is_compute]
    sizes = all(_may_write(event, one) for event, one in compute)
    return found if whole and sizes else [None] * len(found)


def _may_write(event: OperatorEvent, one: OperatorFacts) -> bool:
    """Whether an event writes what the file's operator does; ONNX Runtime fills channels up to blocks of 8 or 16."""
    if event.values is None or one.values is None:
        return True
    return one.values <= event.values < CHANNEL_BLOCK * one.values


def with_float_layers(rows: Sequence[Row]) -> list[Row]:
    """The rows with each convolution's and dense layer's time in the float32 file of the same model and format.

    Only where both files have the same such layers, by their multiply-accumulates.
    """
    floats = {_family(row): row for row in rows if row.layers and row.precision == "float32"}
    return [_beside(row, floats.get(_family(row))) if row.layers else row for row in rows]


def _beside(row: Row, reference: Row | None) -> Row:
    if reference is None or reference is row:
        return row
    theirs = [layer for layer in reference.layers or [] if layer.macs]
    if [layer.macs for layer in row.layers or [] if layer.macs] != [layer.macs for layer in theirs]:
        return row
    times = iter(theirs)
    return replace(
        row, layers=[replace(one, float_ms=next(times).ms) if one.macs else one for one in row.layers or []]
    )  # fmt: skip


def _family(row: Row) -> tuple[str, str]:
    name = ExportName.parse(row.file)
    return row.format, name.model if name else row.file


def layer_sentences(row: Row) -> list[str]:
    """Where the time of a profiled row goes, which layers are slower than the float file's, and how sure that is."""
    if not row.layers or row.profile is None:
        return []
    slowest = max(row.layers, key=lambda one: one.ms)
    found = [
        f"{row.label}: most of the time goes to {slowest.short_name} ({slowest.kernel}): {slowest.ms:.3g} ms, "
        f"{slowest.share:.0%} of its operators."
    ]
    slower = sorted(
        (one for one in row.layers if one.slower_by_ms > GREAT_COST * one.ms), key=lambda one: -one.slower_by_ms
    )
    if slower:
        words = ", ".join(f"{one.short_name} ({one.ms:.3g} ms for {one.float_ms:.3g})" for one in slower[:SHOWN_SLOWER])
        found.append(f"{row.label}: slower than the float32 file's same layer: {words}.")
    return found


def profile_notes(rows: Sequence[Row]) -> list[str]:
    """What to mind of the layers' times."""
    found = []
    for row in rows:
        checked = row.profile
        if checked is None:
            continue
        if not checked.agrees:
            found.append(
                f"The operators of {row.label} do not add up: {checked.sum_ms:.3g} ms for a call of "
                f"{checked.call_ms:.3g} ms, which is more than {checked.bound_ms:.2g} ms apart."
            )
        elif checked.sum_ms - checked.call_ms > GREAT_COST * checked.call_ms:
            found.append(
                f"Profiling slows {row.label} from {checked.call_ms:.3g} to {checked.profiled_ms:.3g} ms a call, and a "
                "part of that lies in its operators' times: small ones look larger than they are."
            )
    return found
