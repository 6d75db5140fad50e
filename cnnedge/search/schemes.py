"""The candidates of a search: which there are, and what their files are called."""

from cnnedge.convert.scheme import RANGES, Scheme
from cnnedge.documents.trials import Trial


def first_schemes(formats: tuple[str, ...], precisions: tuple[str, ...]) -> list[Scheme]:
    """What is tried whatever comes out, the smallest files first; int8 with every rule for its ranges."""
    order = ("int8", "dynamic", "int16x8", "float16", "float32")
    possible = {"tflite": ("int8", "dynamic", "int16x8", "float16"), "onnx": ("int8", "float32")}
    return [
        Scheme(format, precision, ranges=ranges)
        for precision in order
        for format in formats
        if precision in possible[format] and precision in precisions
        for ranges in (RANGES if precision == "int8" else RANGES[:1])
    ]


def scheme_of(trial: Trial) -> Scheme:
    return Scheme(trial.format, trial.precision, trial.method, trial.float_layers, ranges=trial.ranges)


def trial_of(scheme: Scheme, width: float | None = None) -> Trial:
    """A trial that is still to be made; ``width`` as in ``Trial``."""
    return Trial(
        format=scheme.format, precision=scheme.precision, method=scheme.method, float_layers=scheme.float_layers,
        ranges=scheme.ranges, width=width,
    )  # fmt: skip


def file_of(trial: Trial, model: str) -> str:
    """``cifar10-percentile_int8.tflite``: the name of a candidate's file, which says it from all others of a search (of
    layers their number does, for they are left in float by falling cost) and from which a benchmark reads precision
    and method."""
    parts = [model] if trial.width is None else [model, f"width{trial.width:g}"]
    parts += [] if trial.ranges in ("", "minmax") else [trial.ranges]
    parts += [f"{len(trial.float_layers)}-in-float"] if trial.float_layers else []
    return scheme_of(trial).file("-".join(parts))
