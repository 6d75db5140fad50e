"""A benchmark document made by the code that makes them, from measurements that are written down here."""

from dataclasses import replace

import numpy as np

from cnnedge.benchmark.candidate import Candidate
from cnnedge.benchmark.measurement import Measurement, Opened
from cnnedge.benchmark.notes import notes
from cnnedge.benchmark.reasons import explain
from cnnedge.benchmark.rows import build_rows
from cnnedge.documents import SCHEMA, Conditions, Data, Document, Machine, Made, Samples, Settings

CLASSES = ("cat", "dog", "<script>")
IMAGES = 3000
MACHINE = Machine(
    cpu="Test CPU", cores=2, cpu_flags=["avx2"], arch="x86_64", os="Linux", python="3.12", governor=None, virtual=False,
    memory_mb=1000, packages={"numpy": "2"}, conditions=Conditions(0.0, 0.0, 0.0, [50.0, 61.5], [1500, 1500], None),
)  # fmt: skip


def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, len(CLASSES), IMAGES)


def measurement(
    file: str, milliseconds: float, wrong: int, *, mode: str = "", failure: str | None = None
) -> Measurement:
    """A file that takes ``milliseconds`` a call and is wrong on the first ``wrong`` images."""
    format = file.rpartition(".")[2]
    candidate = Candidate(
        name=file, format=format, precision="int8" if "int8" in file else "float32", qat="qat" in file,
        size_bytes=400_000 if "float" in file else 120_000, opener="nowhere:nothing", mode=mode, sha256=file,
    )  # fmt: skip
    if failure is not None:
        return Measurement(candidate, failure=failure)
    answers = labels()
    answers[:wrong] = (answers[:wrong] + 1) % len(CLASSES)
    probabilities = np.full((IMAGES, len(CLASSES)), 0.1, np.float32)
    probabilities[np.arange(IMAGES), answers] = 0.8
    jitter = np.random.default_rng(1).normal(1, 0.01, (20, 10))
    # The five starts drift by 1 % to either side, Keras against the others: intervals of about +-3 %.
    drift = np.repeat(np.linspace(-0.01, 0.01, 5), 4)[:, None] * (1 if format == "keras" else -1)
    samples = (1e6 * milliseconds * (jitter + drift)).astype(int).tolist()
    opened = Opened(
        runtime=f"{format} runtime", device="cpu", threads=1, output_step=0.0, load_ms=5.0, first_ms=2.0,
        single_ms=0.0, peak_rss_mb=9.0,
    )  # fmt: skip
    starts = [round // 4 for round in range(20)]
    return Measurement(candidate, opened, probabilities, timings=Samples(samples, samples, starts), starts=5)


def document(*measurements: Measurement, machine: Machine = MACHINE, **data) -> Document:
    """The document of ``measurements``; without any, of a baseline and four files of which one failed."""
    measurements = measurements or (
        measurement("net_float.keras", 20, 100, mode="predict"),
        measurement("net_float.keras", 2, 100, mode="function"),
        measurement("net_float32.tflite", 1.0, 100),
        measurement("net_int8.tflite", 1.3, 101),
        measurement("net_int8_qat.onnx", 0.5, 400),
        measurement("net_broken.onnx", 0, 0, failure="its process was killed by SIGSEGV"),
    )
    keras = [one.candidate.name for one in measurements if one.candidate.format == "keras"]
    baseline = keras[0] if keras else None
    rows = build_rows(measurements, labels(), CLASSES, baseline=baseline, margin_pp=0.5, interrupted=False, window_s=60)
    pictures = Data("pets", "test", IMAGES, "ab" * 32, IMAGES, list(CLASSES), "cache", False)
    found = Document(
        schema=SCHEMA,
        made=Made("0.1.0", "2026-01-01T00:00:00+00:00", 12.0, ["exported/pets"]),
        settings=Settings(
            num_runs=200, rounds=20, warmup_runs=10, threads=1, margin_pp=0.5, process_spread=0.004, processes=5,
            speedup_confidence=0.99,
        ),
        machine=machine,
        data=replace(pictures, **data),
        baseline=baseline,
        interrupted=False,
        rows=rows,
        explanations=explain(rows, machine),
        notes=[],
    )  # fmt: skip
    return replace(found, notes=notes(found))
