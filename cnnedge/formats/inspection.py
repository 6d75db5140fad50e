"""What a model file holds, and whether it meets requirements: for any .tflite or .onnx, ours or not.

Neither TensorFlow nor the onnx package nor a runtime is needed: the file is only read.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cnnedge.errors import UsageError
from cnnedge.formats.facts import OperatorFacts, TensorFacts
from cnnedge.formats.model_file import ModelFile
from cnnedge.formats.tflite.standard_metadata import StandardMetadata
from cnnedge.passport import Passport


@dataclass(frozen=True)
class Inspection:
    """What ``cnnedge inspect --json`` prints of a model file, in that order.

    Attributes:
        labels: the passport's, else the metadata's.
        float_ops: every operator that calculates in float.
        weight_bytes: the constants' bytes by type.
        macs: multiplications for one image; None where shapes cannot be worked out.
        refused: why cnnedge gives the file to no runtime; None where it does.
        tried_apart: whether it is first run in a process of its own, for what it takes cannot be reckoned.
        unknown_ops: operators that cnnedge gives to no runtime at all, right as they may be.
        metadata: what the file says in standard TFLite metadata or in ONNX metadata properties.
    """

    file: str
    format: str
    precision: str
    size_bytes: int
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]
    labels: list[str] | None
    input_contract: dict[str, Any] | None
    ops: dict[str, int]
    compute_ops_float: int
    compute_ops_int8: int
    compute_ops_int16: int
    float_ops: list[str]
    float_ops_before_last_layer: list[str]
    flex_ops: list[str]
    custom_ops: list[str]
    weight_bytes: dict[str, int]
    macs: int | None
    free_batch: bool
    free_sizes: list[str]
    gpu_concerns: list[str]
    refused: str | None
    tried_apart: bool
    unknown_ops: list[str]
    metadata: StandardMetadata | dict[str, str] | None
    passport: Passport | None

    @property
    def broken(self) -> bool:
        """Whether something in it cannot be, beside operators that cnnedge does not know."""
        return self.refused is not None and not self.unknown_ops

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def inspect(file: ModelFile) -> Inspection:
    """Describe a model file.

    Raises:
        ModelError: its passport or metadata is damaged.
    """
    facts, passport = file.facts, file.passport
    operators = facts.operators
    compute = Counter(operator.arithmetic for operator in operators if operator.is_compute)
    return Inspection(
        file=file.name,
        format=file.format,
        precision=facts.precision,
        size_bytes=len(file.content),
        inputs=facts.inputs,
        outputs=facts.outputs,
        labels=list(file.labels or ()) or None,
        input_contract=passport.input_contract if passport else None,
        ops=dict(Counter(operator.op for operator in operators).most_common()),
        compute_ops_float=compute["float"],
        compute_ops_int8=compute["int8"],
        compute_ops_int16=compute["int16"],
        float_ops=_named(operators, lambda operator: operator.arithmetic == "float"),
        float_ops_before_last_layer=[str(operator) for operator in facts.float_before_last_layer()],
        flex_ops=_named(operators, lambda operator: operator.origin == "flex"),
        custom_ops=_named(operators, lambda operator: operator.origin == "custom"),
        weight_bytes=facts.weight_bytes,
        macs=facts.macs,
        free_batch=facts.free_batch,
        free_sizes=facts.free_sizes,
        gpu_concerns=facts.gpu_concerns,
        refused=file.refusal,
        tried_apart=file.refusal is None and file.needs_rehearsal,
        unknown_ops=_named(operators, lambda operator: operator.op not in file.known_operators),
        metadata=file.standard_metadata or file.properties or None,
        passport=passport,
    )


def check_requirements(requirements: Sequence[str]) -> None:
    """Refuse a word that is not one of REQUIREMENTS.

    Raises:
        UsageError: names it.
    """
    unknown = [name for name in requirements if name not in REQUIREMENTS]
    if unknown:
        raise UsageError(f"unknown requirement {unknown[0]!r}: expected {', '.join(REQUIREMENTS)}")


def unmet_requirements(report: Inspection, requirements: Sequence[str]) -> list[str]:
    """One sentence for each requirement that a report of ``inspect`` does not meet, naming the operators.

    Raises:
        UsageError: a requirement is not one of REQUIREMENTS.
    """
    check_requirements(requirements)
    findings = {name: REQUIREMENTS[name](report) for name in requirements}
    return [f"{name}: {', '.join(found)}" for name, found in findings.items() if found]


def _named(operators: list[OperatorFacts], wanted: Callable[[OperatorFacts], bool]) -> list[str]:
    return [str(operator) for operator in operators if wanted(operator)]


def _not_int8(report: Inspection) -> list[str]:
    found = list(report.float_ops_before_last_layer)
    if report.compute_ops_int16:
        found.append(f"{report.compute_ops_int16} layers with int16 activations")
    if not found and not report.compute_ops_int8:
        found.append("no convolution or dense layer at all")
    return found


def _free_batch(report: Inspection) -> list[str]:
    shapes = {spec.name: None if spec.shape is None else list(spec.shape) for spec in report.inputs}
    return [f"input {name} has shape {shape}" for name, shape in shapes.items() if report.free_batch]


# What ``--require`` knows: each gives what stands against it in a report.
REQUIREMENTS: dict[str, Callable[[Inspection], list[str]]] = {
    "int8": _not_int8,
    "no-flex": lambda report: report.flex_ops,
    "no-custom": lambda report: report.custom_ops,
    "static-batch": _free_batch,
    "no-dynamic": lambda report: report.free_sizes,
    "gpu": lambda report: report.gpu_concerns,
    "passport": lambda report: [] if report.passport else ["the file carries none"],
}
