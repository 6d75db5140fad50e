"""The command line that measures the same again."""

import shlex

from cnnedge.documents import RAPL, Document
from cnnedge.manifest import FOLDER


def reproduce(document: Document) -> str:
    """The command line that measures the same again."""
    data, settings = document.data, document.settings
    options = {
        # A folder is not found by its name: where it lies is the person's to say.
        "--data": "DIR" if data.source == FOLDER else shlex.quote(data.name),
        "--threads": settings.threads, "--num-runs": settings.num_runs,
        "--warmup-runs": settings.warmup_runs, "--margin": settings.margin_pp,
        "--limit": data.images if data.images < data.full_images else None,
        "--device": "gpu" if settings.device == "gpu" else None,
        "--power": next((row.power.source for row in document.rows if row.power and row.power.source != RAPL), None),
        "--sustained": settings.sustained_minutes or None,
    } | _asked_preprocessing(document)  # fmt: skip
    words = [f"{name} {value}" for name, value in options.items() if value is not None]
    rows = document.rows
    flags = ["--layers"] if any(row.layers for row in rows) else []
    flags += ["--throughput"] if any(row.throughput for row in rows) else []
    return " ".join(["cnnedge benchmark", shlex.join(document.made.paths or ["PATH"]), *words, *flags])


def _asked_preprocessing(document: Document) -> dict[str, str]:
    """--mean and --std, where the person gave them."""
    for row in document.rows:
        fed = row.preprocessing
        if fed is not None and fed.source == "options":
            values = {"--mean": fed.mean, "--std": fed.std}
            return {name: ",".join(f"{value:g}" for value in numbers) for name, numbers in values.items()}
    return {}
