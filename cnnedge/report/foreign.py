"""What other programs measured of the same files: read, checked, and shown as rows of their own.

Known are the JSON of ``litert-benchmark --result_json``, what TFLite's ``benchmark_model`` prints and what
``onnxruntime_perf_test`` prints. Only the fields named here are taken, and only as numbers in their bounds; the
accuracy beside them is that of the same file in our own benchmark.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from cnnedge.documents import Document, Row
from cnnedge.errors import DataError
from cnnedge.files import read_regular
from cnnedge.report.figures import significant

# A day's log of a phone; what is larger is none of these.
MAX_BYTES = 1_000_000
MOST_MS = 1e7
MOST_RUNS = 1e9
MOST_THREADS = 1024
MOST_NAME = 200
# By how much the size that a program states may differ from the file's: litert-benchmark rounds to 0.01 MiB.
SIZE_ROUNDING = 0.005 * 1024 * 1024

COLUMNS: dict[str, Callable[["ForeignRow"], str]] = {
    "file": lambda one: one.file or "not said",
    "top-1 %": lambda one: "" if one.top1 is None else f"{100 * one.top1:.2f}",
    "p50 ms": lambda one: significant(one.p50_ms),
    "mean ms": lambda one: significant(one.mean_ms),
    "runs": lambda one: "" if one.runs is None else f"{one.runs:,}",
    "threads": lambda one: "" if one.threads is None else str(one.threads),
    "on": lambda one: one.device,
    "from": lambda one: f"{one.program} ({one.origin})",
}
WORDS = ("file", "on", "from")


@dataclass(frozen=True)
class ForeignRow:
    """What one run of another program says; None for what it does not. ``top1`` is ours, of the same file.

    ``origin`` is the name of the file that was read, ``device`` in the program's own words.
    """

    program: str
    origin: str
    file: str | None
    size_bytes: float | None
    device: str
    threads: int | None
    p50_ms: float | None
    mean_ms: float
    runs: int | None
    top1: float | None = None


def read_foreign(path: Path) -> ForeignRow:
    """Read what another program measured.

    Raises:
        DataError: the file cannot be read, is of none of the programs known here, or says what cannot be.
    """
    try:
        text = read_regular(path, MAX_BYTES).decode(errors="replace")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected another program's figures") from None
    for mark, reader in ((r"^\s*\{", _litert), (r"Inference timings in us:", _tflite), (r"inference time cost", _ort)):
        if re.search(mark, text):
            try:
                return reader(text, path.name)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise DataError(f"{path} is damaged ({error}): expected another program's figures") from None
    raise DataError(
        f"{path} is not known: expected the JSON of litert-benchmark --result_json, or what benchmark_model or "
        "onnxruntime_perf_test prints"
    )


def beside(found: Sequence[ForeignRow], document: Document) -> list[ForeignRow]:
    """The rows with the top-1 of the same file in ``document``: by name, and by size where the program states it."""
    return [replace(one, top1=_top1(one, document.rows)) for one in found]


def _top1(one: ForeignRow, rows: Sequence[Row]) -> float | None:
    same = [row for row in rows if row.file == one.file and row.format != "keras"]
    if one.size_bytes is not None:
        same = [row for row in same if abs(row.size_bytes - one.size_bytes) <= SIZE_ROUNDING]
    return same[0].top1 if same else None


def _litert(text: str, origin: str) -> ForeignRow:
    content = json.loads(text)
    latency = content["latency"]
    return ForeignRow(
        program="litert-benchmark",
        origin=origin,
        file=_file_name(content["model"]),
        size_bytes=1024 * 1024 * _number(content["model_size_mb"], "model_size_mb", MOST_MS),
        device=" ".join(word for word in ("NPU", "GPU", "CPU") if word in content["accelerators"]),
        threads=round(_number(content["num_threads"], "num_threads", MOST_THREADS)),
        p50_ms=_number(latency["median_ms"], "median_ms", MOST_MS),
        mean_ms=_number(latency["avg_ms"], "avg_ms", MOST_MS),
        runs=round(_number(latency["num_runs"], "num_runs", MOST_RUNS)),
    )


def _tflite(text: str, origin: str) -> ForeignRow:
    """The last line of counts is that of the timed calls; those before are of the warm-up."""
    counts = re.findall(r"^.*\bcount=(\d+)\b.*$", text, re.MULTILINE)
    line = [line for line in text.splitlines() if re.search(r"\bcount=\d", line)][-1:] or [""]
    size = _found(text, r"input model file size \(MB\): ([\d.]+)")
    return ForeignRow(
        program="benchmark_model",
        origin=origin,
        file=_file_name(_found(text, r"Graph: \[([^\]\n]{1,1000})\]")),
        size_bytes=None if size is None else 1e6 * _number(size, "the model's size", MOST_MS),
        device="GPU" if re.search(r"Use gpu: \[(1|true)\]|TfLiteGpuDelegate", text) else "CPU",
        threads=_optional(text, r"Num threads: \[(\d+)\]", MOST_THREADS),
        p50_ms=_scaled(line[0], r"\bmedian=([\d.e+]+)", 1e-3),
        mean_ms=_number(_found(text, r"Inference \(avg\): ([\d.e+]+)"), "Inference (avg)", 1e3 * MOST_MS) / 1e3,
        runs=round(_number(counts[-1], "count", MOST_RUNS)) if counts else None,
    )


def _ort(text: str, origin: str) -> ForeignRow:
    providers = ("CUDA", "TensorRT", "WebGpu", "CoreML", "QNN", "DML", "OpenVINO", "ACL", "XNNPACK")
    chosen = (_found(text, r"onnxruntime_perf_test\b.*?\s-e (\w+)") or "cpu").lower()
    return ForeignRow(
        program="onnxruntime_perf_test",
        origin=origin,
        file=_file_name(_found(text, r"onnxruntime_perf_test\b[^\n]*?(\S{1,500}\.onnx)\b")),
        size_bytes=None,
        device=next((name for name in providers if name.lower() == chosen), "CPU" if chosen == "cpu" else "not said"),
        threads=_optional(text, r"Setting intra_op_num_threads to ([1-9]\d*)", MOST_THREADS),
        p50_ms=_scaled(text, r"P50 Latency(?: is|:) ([\d.e-]+) s", 1e3),
        mean_ms=_number(_found(text, r"Average inference time cost: ?([\d.e+-]+) ms"), "the average", MOST_MS),
        runs=_optional(text, r"Total inference requests: ?(\d+)", MOST_RUNS),
    )  # fmt: skip


def _found(text: str, pattern: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def _optional(text: str, pattern: str, most: float) -> int | None:
    value = _found(text, pattern)
    return None if value is None else round(_number(value, pattern.partition(":")[0], most))


def _scaled(text: str, pattern: str, factor: float) -> float | None:
    value = _found(text, pattern)
    return None if value is None else factor * _number(value, "a latency", MOST_MS / factor)


def _number(value: Any, what: str, most: float) -> float:
    """``value`` as a number above 0 and at most ``most``."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"{what} is {value}, expected a number")
    number = float(value)
    if not 0 < number <= most:
        raise ValueError(f"{what} is {number:g}, expected a number above 0 and at most {most:g}")
    return number


def _file_name(path: Any) -> str | None:
    """The name of the file behind a path of a phone, a Mac or a Windows machine."""
    if path is None:
        return None
    if not isinstance(path, str):
        raise ValueError(f"the model is {type(path).__name__}, expected text")
    return PurePosixPath(PureWindowsPath(path).name).name[:MOST_NAME] or None


def foreign_rows(found: Sequence[ForeignRow]) -> list[list[str]]:
    """A line of headings, then one line per row; empty if there are none."""
    return [list(COLUMNS), *([text(one) for text in COLUMNS.values()] for one in found)] if found else []
