"""From measurements to the rows of ``benchmark.json``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnedge.benchmark import sustained, timing
from cnnedge.benchmark.measurement import Measurement
from cnnedge.scoring import accuracy, agreement
from cnnedge.scoring.score import Score, answers_of

# Flipped images listed per row: enough for the gallery and for a second look, and little beside the figures.
LISTED_FLIPS = 500

NO_ACCURACY: dict[str, Any] = {
    "top1": None, "top1_low": None, "top1_high": None, "ece": None, "nll": None, "per_class": None,
    "confusion": None, "shares_accuracy_with": None,
}  # fmt: skip
NO_COMPARISON: dict[str, Any] = {
    "delta_pp": None, "delta_low_pp": None, "delta_high_pp": None, "agreement": None, "verdict": None,
    "mcnemar_p": None, "lost": None, "gained": None, "most_lost_class": None, "flips": None,
}  # fmt: skip
NO_LATENCY: dict[str, Any] = {
    "latency_ms": None, "end_to_end_ms": None, "round_spread": None, "process_spread": None,
    "samples_ns": None, "speedup": None, "speedup_low": None, "speedup_high": None,
}  # fmt: skip


def build_rows(
    measurements: Sequence[Measurement],
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    baseline: str | None,
    margin_pp: float,
    interrupted: bool,
    window_s: float,
) -> list[dict[str, Any]]:
    """One row per measurement, in their order, with the fields of ``benchmark.json``; None for what is
    unknown.

    Args:
        labels: the true classes, int64 ``(N,)``.
        baseline: the file name of the float Keras model, or None where there is none to compare with.
        window_s: the length of the beginning and of the end of the sustained load, in seconds.
    """
    keras = [one for one in measurements if one.candidate.format == "keras" and one.candidate.name == baseline]
    answers = next((one for one in keras if one.probabilities is not None), None)
    fastest = min((one for one in keras if _timed(one)), key=_median, default=None)
    rows = []
    for one in measurements:
        row = _facts(one, len(labels)) | NO_ACCURACY | NO_COMPARISON | NO_LATENCY
        if one.probabilities is not None:
            row |= accuracy_figures(one, labels, class_names)
            row |= _comparison(one, row, answers, labels, class_names, margin_pp, is_baseline=one in keras)
        if _timed(one):
            row |= _latency(one, fastest)
        row["sustained"] = sustained.row_figures(one, window_s)
        row["error"] = one.failure or (_interruption(one) if interrupted else None)
        rows.append(row)
    return rows


def _timed(one: Measurement) -> bool:
    """A candidate that failed halfway through the rounds has no latency that may be compared; one that failed
    in the sustained load after them has."""
    return bool(one.timings.call) and (one.failure is None or one.sustained is not None)


def _samples(rounds: list[list[int]]) -> list[int]:
    return [sample for round in rounds for sample in round]


def _median(one: Measurement) -> float:
    return float(np.median(_samples(one.timings.call)))


def _facts(one: Measurement, images: int) -> dict[str, Any]:
    candidate, opened = one.candidate, one.opened or {}
    return {
        "file": candidate.name,
        "mode": candidate.mode,
        "format": candidate.format,
        "precision": candidate.precision,
        "qat": candidate.qat,
        "sha256": candidate.sha256,
        "runtime": opened.get("runtime"),
        "device": opened.get("device", candidate.device),
        "threads": opened.get("threads"),
        "size_bytes": candidate.size_bytes,
        "preprocessing": candidate.preprocessing,
        "images": images if one.probabilities is not None else 0,
        "load_ms": _rounded(opened.get("load_ms")),
        "first_ms": _rounded(opened.get("first_ms")),
        "peak_rss_mb": _rounded(opened.get("peak_rss_mb")),
    }


def accuracy_figures(one: Measurement, labels: np.ndarray, class_names: Sequence[str]) -> dict[str, Any]:
    """Top-1 with its interval, per class, the confusion matrix, and how well the probabilities are
    calibrated.

    ECE and NLL are None for an output that is no distribution over the classes (raw scores, say).
    """
    probabilities, step = _probabilities(one), (one.opened or {}).get("output_step", 0.0)
    found = Score(answers_of(probabilities), labels)
    low, high = found.interval
    confusion = accuracy.confusion_matrix(found.answers, labels, len(class_names))
    distribution = accuracy.is_distribution(probabilities, step)
    return {
        "top1": found.top1,
        "top1_low": low,
        "top1_high": high,
        "ece": accuracy.calibration_error(probabilities, labels) if distribution else None,
        "nll": accuracy.negative_log_likelihood(probabilities, labels, step) if distribution else None,
        "per_class": accuracy.per_class_accuracy(confusion),
        "confusion": confusion.tolist(),
        "shares_accuracy_with": one.shares_accuracy_with,
    }


def _comparison(
    one: Measurement, row: dict[str, Any], answers: Measurement | None, labels: np.ndarray,
    class_names: Sequence[str], margin_pp: float, *, is_baseline: bool,
) -> dict[str, Any]:  # fmt: skip
    """The candidate beside the baseline on the same images; nothing where there is no baseline."""
    if answers is None:
        return {}
    predicted, expected = answers_of(_probabilities(one)), answers_of(_probabilities(answers))
    found = accuracy.compare(predicted, expected, labels, margin_pp)
    confusion = accuracy.confusion_matrix(expected, labels, len(class_names))
    worst = agreement.most_lost_class(row["per_class"], accuracy.per_class_accuracy(confusion))
    flips = agreement.flips(predicted, expected)[:LISTED_FLIPS]
    return {
        "delta_pp": found.delta_pp,
        "delta_low_pp": None if is_baseline else found.delta_low_pp,
        "delta_high_pp": None if is_baseline else found.delta_high_pp,
        "agreement": agreement.agreement(predicted, expected),
        "verdict": "baseline" if is_baseline else found.verdict,
        "mcnemar_p": None if is_baseline else found.p_value,
        "lost": found.lost,
        "gained": found.gained,
        "most_lost_class": {"label": class_names[worst[0]], "delta_pp": worst[1]} if worst else None,
        "flips": [
            {"image": int(image), "label": int(labels[image]), "baseline": int(expected[image]),
             "predicted": int(predicted[image])}
            for image in flips
        ],
    }  # fmt: skip


def _latency(one: Measurement, fastest: Measurement | None) -> dict[str, Any]:
    timings = one.timings
    end_to_end = timing.summary(_samples(timings.end_to_end))
    spread = timing.process_spread(timings.call, timings.process) if one.starts > 1 else None
    figures = {
        "latency_ms": timing.summary(_samples(timings.call)),
        "end_to_end_ms": {"p50": end_to_end["p50"], "p90": end_to_end["p90"]},
        "round_spread": round(timing.round_spread(timings.call), 4),
        "process_spread": None if spread is None else round(spread, 4),
        "samples_ns": {"call": timings.call, "end_to_end": timings.end_to_end, "process": timings.process},
    }
    if fastest is None:
        return figures
    ratio = timing.speed_ratio(fastest.timings.call, timings.call, timings.process)
    if one is fastest:
        ratio = timing.Ratio(1.0, 1.0, 1.0)
    return figures | {"speedup": ratio.value, "speedup_low": ratio.low, "speedup_high": ratio.high}


def _interruption(one: Measurement) -> str | None:
    if one.opened is None:
        return "interrupted before it was opened"
    if one.probabilities is None:
        return "interrupted before it was classified"
    return None if one.timings.call else "interrupted before it was timed"


def _probabilities(one: Measurement) -> np.ndarray:
    if one.probabilities is None:
        raise ValueError(f"{one.candidate.label} was not classified")
    return one.probabilities


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
