"""From measurements to the rows of ``benchmark.json``."""

from collections.abc import Sequence

import numpy as np

from cnnedge.benchmark import sustained, timing
from cnnedge.benchmark.layers import with_float_layers
from cnnedge.benchmark.measurement import Measurement
from cnnedge.documents import Accuracy, Comparison, EndToEnd, Flip, Identity, LostClass, Mistake, Row, Timing
from cnnedge.records import unknown
from cnnedge.scoring import accuracy, agreement
from cnnedge.scoring.score import Score, answers_of

# Flipped images listed per row: enough for the gallery and for a second look, and little beside the figures.
LISTED_FLIPS = 500
# The surest; a page shows a dozen.
LISTED_MISTAKES = 50


def build_rows(
    measurements: Sequence[Measurement],
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    baseline: str | None,
    margin_pp: float,
    interrupted: bool,
    window_s: float,
) -> list[Row]:
    """One row per measurement, in their order.

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
        right, beside = unknown(Accuracy), unknown(Comparison)
        if one.probabilities is not None:
            right = accuracy_figures(one, labels, class_names)
            beside = _comparison(one, answers, labels, class_names, margin_pp, is_baseline=one in keras)
        parts = (_identity(one, len(labels)), right, beside, _timing(one, fastest))
        rows.append(
            Row(
                **{name: value for part in parts for name, value in vars(part).items()},
                sustained=sustained.row_figures(one, window_s),
                layers=one.profiled.layers if one.profiled else None,
                profile=one.profiled.profile if one.profiled else None,
                throughput=one.throughput,
                error=one.failure or (_interruption(one) if interrupted else None),
            )
        )
    return with_float_layers(rows)


def _timed(one: Measurement) -> bool:
    """A candidate that failed halfway through the rounds has no latency that may be compared; one that failed
    in the sustained load after them has."""
    return bool(one.timings.call) and (one.failure is None or one.sustained is not None)


def _all(rounds: list[list[int]]) -> list[int]:
    return [sample for round in rounds for sample in round]


def _median(one: Measurement) -> float:
    return float(np.median(_all(one.timings.call)))


def _identity(one: Measurement, images: int) -> Identity:
    candidate, opened = one.candidate, one.opened
    return Identity(
        file=candidate.name,
        mode=candidate.mode,
        format=candidate.format,
        precision=candidate.precision,
        qat=candidate.qat,
        sha256=candidate.sha256,
        runtime=opened.runtime if opened else None,
        device=opened.device if opened else candidate.device,
        threads=opened.threads if opened else None,
        size_bytes=candidate.size_bytes,
        preprocessing=candidate.preprocessing,
        images=images if one.probabilities is not None else 0,
        load_ms=round(opened.load_ms, 3) if opened else None,
        first_ms=round(opened.first_ms, 3) if opened else None,
        peak_rss_mb=round(opened.peak_rss_mb, 3) if opened else None,
        nodes=opened.nodes if opened else None,
        float_operators=list(candidate.float_operators) or None,
    )


def accuracy_figures(one: Measurement, labels: np.ndarray, class_names: Sequence[str]) -> Accuracy:
    """Top-1 with its interval, per class, the confusion matrix, and how well the probabilities are
    calibrated.

    ECE and NLL are None for an output that is no distribution over the classes (raw scores, say).
    """
    probabilities, step = _probabilities(one), one.opened.output_step if one.opened else 0.0
    found = Score(answers_of(probabilities), labels)
    low, high = found.interval
    confusion = accuracy.confusion_matrix(found.answers, labels, len(class_names))
    distribution = accuracy.is_distribution(probabilities, step)
    return Accuracy(
        top1=found.top1,
        top1_low=low,
        top1_high=high,
        ece=accuracy.calibration_error(probabilities, labels) if distribution else None,
        nll=accuracy.negative_log_likelihood(probabilities, labels, step) if distribution else None,
        per_class=accuracy.per_class_accuracy(confusion),
        confusion=confusion.tolist(),
        shares_accuracy_with=one.shares_accuracy_with,
        mistakes=_mistakes(probabilities, found) if distribution else None,
        columns=one.columns,
    )


def _mistakes(probabilities: np.ndarray, found: Score) -> list[Mistake]:
    """The surest of them."""
    sure = probabilities.max(axis=1)
    wrong = sorted(np.flatnonzero(~found.hits).tolist(), key=lambda image: -sure[image])[:LISTED_MISTAKES]
    return [
        Mistake(image, int(found.labels[image]), int(found.answers[image]), round(float(sure[image]), 4))
        for image in wrong
    ]


def _comparison(
    one: Measurement, answers: Measurement | None, labels: np.ndarray, class_names: Sequence[str], margin_pp: float,
    *, is_baseline: bool,
) -> Comparison:  # fmt: skip
    """The candidate beside the baseline on the same images; nothing where there is no baseline."""
    if answers is None:
        return unknown(Comparison)
    predicted, expected = answers_of(_probabilities(one)), answers_of(_probabilities(answers))
    found = accuracy.compare(predicted, expected, labels, margin_pp)
    confusions = [accuracy.confusion_matrix(given, labels, len(class_names)) for given in (predicted, expected)]
    worst = agreement.most_lost_class(*map(accuracy.per_class_accuracy, confusions))
    flips = agreement.flips(predicted, expected)[:LISTED_FLIPS]
    return Comparison(
        delta_pp=found.delta_pp,
        delta_low_pp=None if is_baseline else found.delta_low_pp,
        delta_high_pp=None if is_baseline else found.delta_high_pp,
        agreement=agreement.agreement(predicted, expected),
        verdict="baseline" if is_baseline else found.verdict,
        mcnemar_p=None if is_baseline else found.p_value,
        lost=found.lost,
        gained=found.gained,
        most_lost_class=LostClass(class_names[worst[0]], worst[1]) if worst else None,
        flips=[Flip(int(image), int(labels[image]), int(expected[image]), int(predicted[image])) for image in flips],
    )


def _timing(one: Measurement, fastest: Measurement | None) -> Timing:
    if not _timed(one):
        return unknown(Timing)
    samples = one.timings
    end_to_end = timing.summary(_all(samples.end_to_end))
    spread = timing.process_spread(samples.call, samples.process) if one.starts > 1 else None
    ratio = _speed_ratio(one, fastest)
    return Timing(
        latency_ms=timing.summary(_all(samples.call)),
        end_to_end_ms=EndToEnd(end_to_end.p50, end_to_end.p90),
        round_spread=round(timing.round_spread(samples.call), 4),
        process_spread=None if spread is None else round(spread, 4),
        samples_ns=samples,
        speedup=ratio.value if ratio else None,
        speedup_low=ratio.low if ratio else None,
        speedup_high=ratio.high if ratio else None,
    )


def _speed_ratio(one: Measurement, fastest: Measurement | None) -> timing.Ratio | None:
    """How many times as fast as ``fastest``; exactly once for itself, None where there is none to compare with."""
    if fastest is None:
        return None
    if one is fastest:
        return timing.Ratio(1.0, 1.0, 1.0)
    return timing.speed_ratio(fastest.timings.call, one.timings.call, one.timings.process)


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
