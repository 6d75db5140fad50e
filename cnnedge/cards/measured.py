"""The sections of a model card that tell what was measured on its files."""

import gzip

from cnnedge.cards.evidence import CardFacts
from cnnedge.cards.markdown import percent, points, section, table, three_digits, with_interval
from cnnedge.documents import Data, Row
from cnnedge.records import known
from cnnedge.report.table import COLUMNS, speed_text
from cnnedge.scoring.accuracy import wilson_interval
from cnnedge.scoring.robustness import KIND, Pictures, Robustness, RobustRow

_RUNTIMES = ("ai-edge-litert", "onnxruntime", "tensorflow", "keras")


def files(facts: CardFacts) -> str:
    """Size, compressed size and accuracy of every file."""
    shown = ("Δ pp", "verdict")
    rows = [
        (
            f"`{row.file}`", f"{row.size_bytes:,}", f"{_gzip_bytes(facts, row):,}",
            with_interval(*row.top1_interval), *(COLUMNS[name](row) for name in shown),
        )
        for row in facts.rows
    ]  # fmt: skip
    margin = facts.benchmark.settings.margin_pp
    return section(
        "Files",
        table(("file", "bytes", "gzip bytes", "top-1 % (95 %)", *shown), rows),
        f"On {images_measured(facts.benchmark.data)}, with the 95 % Wilson interval. Δ: percentage points against "
        f"the float Keras model on the same images; equal means within {margin:g} points, 95 % sure. gzip at its "
        "strongest level, as a download would be compressed.",
    )


def per_class(facts: CardFacts) -> str:
    """Accuracy of each class, float and int8, with intervals."""
    shown = [facts.baseline, *facts.int8_rows]
    rows = []
    for index, label in enumerate(facts.benchmark.data.labels):
        counts = [_right_of(row, index) for row in shown]
        rows.append((label, f"{counts[0][1]:,}", *(_class_cell(right, images) for right, images in counts)))
    header = ("class", "images", "float Keras %", *(f"{row.short_label(facts.rows)} %" for row in shown[1:]))
    return section(
        "Accuracy per class", table(header, rows), "In brackets: 95 % Wilson intervals, of the images of that class."
    )


def calibration(facts: CardFacts) -> str:
    """How far the probabilities can be trusted."""
    rows = [
        (f"`{row.file}`", "not a distribution" if row.ece is None else percent(row.ece),
         "" if row.nll is None else f"{row.nll:.4f}")
        for row in facts.rows
    ]  # fmt: skip
    return section(
        "Calibration",
        table(("file", "ECE %", "NLL"), rows),
        "ECE: expected calibration error, 15 bins of confidence (Guo et al. 2017): how far confidence and accuracy are "
        "apart. NLL: mean negative log-likelihood of the right class, in nats.",
    )


def robustness(facts: CardFacts) -> str:
    """Corrupted images, float against int8."""
    document = facts.robustness
    if document is None:
        return section("Robustness", "Not measured.")
    reference, *others = document.rows
    header = ("corruption", *(f"severity {level}" for level in range(1, 6)), *(f"Δ {_name(row)}" for row in others))
    rows = [("none", percent(reference.clean_top1), *[""] * 4, *(points(row.clean_delta_pp) for row in others))]
    for name, shares in reference.top1.items():
        deltas = [100 * (sum(row.top1[name]) - sum(shares)) / len(shares) for row in others]
        rows.append((name.replace("_", " "), *(percent(share) for share in shares), *(points(one) for one in deltas)))
    data, packages = document.data, document.made.packages
    made_with = ", ".join(f"{package} {version}" for package, version in packages.items())
    return section(
        "Robustness",
        f"{KIND}: the severities are its authors', the code and so the pixels are not ({made_with}, noise of seed "
        f"{document.seed}), and figures are comparable only with each other. Top-1 in % of `{reference.file}` on "
        f"{images_measured(data)}; Δ: percentage points of the int8 files against it, mean of the five severities.",
        table(header, rows),
        *(_amplification(row) for row in others),
        _cifar10_1(document),
    )


def latency(facts: CardFacts) -> str:
    """Percentiles on the machine that is named."""
    document = facts.benchmark
    timed = [(row, row.latency_ms) for row in facts.rows if row.latency_ms]
    rows = [
        (
            f"`{row.file}`", *(three_digits(value) for value in (times.p50, times.p90, times.p99)),
            three_digits(known(row.end_to_end_ms).p50), speed_text(row), three_digits(known(row.peak_rss_mb)),
        )
        for row, times in timed
    ]  # fmt: skip
    machine, settings = document.machine, document.settings
    packages = ", ".join(f"{name} {machine.packages[name]}" for name in _RUNTIMES if name in machine.packages)
    virtual = ", a virtual machine" if machine.virtual else ""
    threads = f"{settings.threads} thread{'s' if settings.threads > 1 else ''}"
    return section(
        "Latency",
        f"Machine: {machine.cpu}, {machine.cores} cores{virtual} ({', '.join(machine.cpu_flags)}), "
        f"{machine.os}, Python {machine.python}, {packages}; measured {document.made.at[:10]}.",
        table(("file", "p50 ms", "p90 ms", "p99 ms", "end to end", "speed-up", "MB"), rows),
        f"One image, {threads}, the runtime call alone; end to end: from decoded image to label, p50. Speed-up: "
        "against the fastest way to call Keras; ~ means that no difference was shown. MB: peak memory above the bare "
        "runtime.",
        *(f"Mind: {note}" for note in document.notes),
    )


def images_measured(data: Data | Pictures) -> str:
    """Which images were measured, in words: ``all 10,000 test images of cifar10``."""
    everything = data.images == data.full_images
    count = f"all {data.images:,}" if everything else f"{data.images:,} of {data.full_images:,}"
    sample = " (BUNDLED SAMPLE)" if data.is_sample else ""
    return f"{count} test images of {data.name}{sample}"


def _gzip_bytes(facts: CardFacts, row: Row) -> int:
    return len(gzip.compress((facts.folder / row.file).read_bytes(), mtime=0))


def _right_of(row: Row, index: int) -> tuple[int, int]:
    """How many of the images of class ``index`` are right, and how many there are."""
    counts = known(row.confusion)[index]
    return counts[index], sum(counts)


def _class_cell(right: int, images: int) -> str:
    return with_interval(right / images, *wilson_interval(right, images), digits=1) if images else "no images"


def _name(row: RobustRow) -> str:
    return "int8 qat" if "_qat." in row.file else "int8"


def _amplification(row: RobustRow) -> str:
    """Whether quantization costs more on corrupted than on clean images."""
    low, high = known(row.amplification_low_pp), known(row.amplification_high_pp)
    found = "No amplification was shown" if low <= 0 <= high else "Corruption amplifies what quantization costs"
    if low > 0:
        found = "Quantization costs less under corruption"
    return (
        f"`{row.file}` against float, all corruptions and severities: {points(row.delta_pp)} points "
        f"(95 % interval {points(row.delta_low_pp)} to {points(row.delta_high_pp)}); on the clean images "
        f"{points(row.clean_delta_pp)}. {found}: the difference of the two is {points(row.amplification_pp)} "
        f"({points(low)} to {points(high)})."
    )


def _cifar10_1(document: Robustness) -> str:
    if document.data.name != "cifar10":
        return ""
    found = document.cifar10_1
    if found is None:
        return (
            "CIFAR-10.1: not measured; its images are not distributed here. With its two files in a folder, "
            "`cnnedge card FOLDER --cifar10-1 DIR --overwrite` measures it."
        )
    rows = [(f"`{row.file}`", with_interval(row.top1, row.top1_low, row.top1_high)) for row in found.rows]
    words = f"CIFAR-10.1 {found.version}, {found.images:,} new images of the same classes:"
    return f"{words}\n\n{table(('file', 'top-1 % (95 %)'), rows)}"
