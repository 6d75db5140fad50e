"""What a model file holds, and whether it meets requirements: for any .tflite or .onnx, ours or not.

Neither TensorFlow nor the onnx package nor a runtime is needed: the file is only read.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnnedge.errors import UsageError
from cnnedge.formats import model_file
from cnnedge.formats.facts import Facts, OperatorFacts
from cnnedge.passport import PASSPORT_KEY


def inspect(path: Path | str) -> dict[str, Any]:
    """Describe a model file, as ``cnnedge inspect --json`` prints it.

    Beside the fields of the public format there are ``compute_ops_int16``, ``float_ops`` (every operator that
    calculates in float), ``float_ops_before_last_layer``, ``flex_ops``, ``custom_ops``, ``free_batch``,
    ``free_sizes`` and ``gpu_concerns``. ``macs`` counts multiplications for one image, and is None where
    shapes cannot be worked out; ``weight_bytes`` are the constants by type; ``metadata`` is what the file says in
    standard TFLite metadata or in ONNX metadata properties. ``labels`` are the passport's, else the metadata's.

    Raises:
        ModelError: the file is absent, damaged, of another format, or needs other files or custom domains.
    """
    file = model_file.load(path)
    with model_file.naming(file.name):
        facts = _facts(file)
        labels, metadata = model_file.metadata_labels(file), _metadata(file)
    passport = model_file.read_passport(file.content, format=file.format)
    operators = facts.operators
    compute = Counter(operator.arithmetic for operator in operators if operator.is_compute)
    return {
        "file": file.name,
        "format": file.format,
        "precision": facts.precision,
        "size_bytes": len(file.content),
        "inputs": facts.inputs,
        "outputs": facts.outputs,
        "labels": list(passport.labels if passport else labels or ()) or None,
        "input_contract": passport.input_contract if passport else None,
        "ops": dict(Counter(operator.op for operator in operators).most_common()),
        "compute_ops_float": compute["float"],
        "compute_ops_int8": compute["int8"],
        "compute_ops_int16": compute["int16"],
        "float_ops": _named(operators, lambda operator: operator.arithmetic == "float"),
        "float_ops_before_last_layer": [str(operator) for operator in facts.float_before_last_layer()],
        "flex_ops": _named(operators, lambda operator: operator.origin == "flex"),
        "custom_ops": _named(operators, lambda operator: operator.origin == "custom"),
        "weight_bytes": facts.weight_bytes,
        "macs": facts.macs,
        "free_batch": facts.free_batch,
        "free_sizes": facts.free_sizes,
        "gpu_concerns": facts.gpu_concerns,
        "metadata": metadata,
        "passport": asdict(passport) if passport else None,
    }


def unmet_requirements(report: dict[str, Any], requirements: Sequence[str]) -> list[str]:
    """One sentence for each requirement that a report of ``inspect`` does not meet, naming the operators.

    Raises:
        UsageError: a requirement is not one of REQUIREMENTS.
    """
    unknown = [name for name in requirements if name not in REQUIREMENTS]
    if unknown:
        raise UsageError(f"unknown requirement {unknown[0]!r}: expected {', '.join(REQUIREMENTS)}")
    findings = {name: REQUIREMENTS[name](report) for name in requirements}
    return [f"{name}: {', '.join(found)}" for name, found in findings.items() if found]


def _facts(file: model_file.ModelFile) -> Facts:
    if file.format == "tflite":
        from cnnedge.formats.tflite.facts import tflite_facts

        return tflite_facts(file.content)
    from cnnedge.formats.onnx.facts import onnx_facts

    return onnx_facts(file.content)


def _metadata(file: model_file.ModelFile) -> dict[str, Any] | None:
    if file.format == "tflite":
        standard = model_file.read_standard_metadata(file)
        return None if standard is None else asdict(standard)
    from cnnedge.formats.onnx.reader import read_onnx

    properties = read_onnx(file.content).metadata
    return {name: text for name, text in properties.items() if name != PASSPORT_KEY} or None


def _named(operators: list[OperatorFacts], wanted: Callable[[OperatorFacts], bool]) -> list[str]:
    return [str(operator) for operator in operators if wanted(operator)]


def _not_int8(report: dict[str, Any]) -> list[str]:
    found = list(report["float_ops_before_last_layer"])
    if report["compute_ops_int16"]:
        found.append(f"{report['compute_ops_int16']} layers with int16 activations")
    if not found and not report["compute_ops_int8"]:
        found.append("no convolution or dense layer at all")
    return found


def _free_batch(report: dict[str, Any]) -> list[str]:
    return [f"input {spec['name']} has shape {spec['shape']}" for spec in report["inputs"] if report["free_batch"]]


# What ``--require`` knows: each gives what stands against it in a report.
REQUIREMENTS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "int8": _not_int8,
    "no-flex": lambda report: report["flex_ops"],
    "no-custom": lambda report: report["custom_ops"],
    "static-batch": _free_batch,
    "no-dynamic": lambda report: report["free_sizes"],
    "gpu": lambda report: report["gpu_concerns"],
    "passport": lambda report: [] if report["passport"] else ["the file carries none"],
}
