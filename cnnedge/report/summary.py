"""What the table says, in a few plain sentences."""

from cnnedge.documents import Document, Row
from cnnedge.records import known
from cnnedge.report.decision import size_words


def summarize(document: Document) -> list[str]:
    """Plain sentences: the best choice by size and by speed among the files that are as right as the
    baseline."""
    exported = [row for row in document.rows if row.format != "keras" and row.top1 is not None]
    keras = next((row for row in document.rows if row.verdict == "baseline"), None)
    sentences = _with_baseline(exported, keras, document) if keras else _without_baseline(exported)
    failed = document.failed
    if failed:
        sentences.append(f"{len(failed)} of {len(document.rows)} rows lack figures; the reasons are below.")
    return sentences


def _with_baseline(exported: list[Row], keras: Row, document: Document) -> list[str]:
    margin = document.settings.margin_pp
    sentences = [
        f"The float Keras model is right on {keras.top1:.2%} of {document.data.images:,} test "
        f"images and takes {_size(keras)}."
    ]
    sound = [row for row in exported if row.verdict in ("equal", "better")]
    if not sound and any(row.verdict == "unclear" for row in exported):
        return sentences  # the decision above says how many images would tell
    if not sound:
        return [*sentences, f"No exported file was shown to be as accurate as it, within {margin:g} points."]
    smallest = min(sound, key=lambda row: row.size_bytes)
    sentences.append(
        f"The smallest file that is at least as accurate (within {margin:g} points) is {smallest.file}: "
        f"{_size(smallest)}, {keras.size_bytes / smallest.size_bytes:.1f} times smaller, "
        f"{smallest.delta_pp:+.2f} points."
    )
    timed = [row for row in sound if row.latency_ms]
    if timed:
        fastest = min(timed, key=lambda row: known(row.p50_ms))
        sentences.append(f"The fastest of them here is {fastest.file}: {_speed(fastest)}.")
    worse = [row.label for row in exported if row.verdict == "worse"]
    if worse:
        sentences.append(f"Less accurate than Keras: {', '.join(worse)}.")
    return sentences


def _without_baseline(exported: list[Row]) -> list[str]:
    if not exported:
        return []
    best = max(exported, key=lambda row: known(row.top1))
    sentences = [f"The most accurate file is {best.file}: {best.top1:.2%}."]
    timed = [row for row in exported if row.latency_ms]
    if timed:
        fastest = min(timed, key=lambda row: known(row.p50_ms))
        sentences.append(f"The fastest one is {fastest.file}: {known(fastest.p50_ms):.3g} ms an image.")
    return sentences


def describe(row: Row) -> list[str]:
    """Everything about one classified row that the table has no room for."""
    sentences = [
        f"{row.runtime}, {row.device}.{_fed(row)}",
        f"Loaded in {_ms(known(row.load_ms))}, first call {_ms(known(row.first_ms))}, peak memory "
        f"{row.peak_rss_mb:.3g} MB above the bare runtime.",
    ]
    if row.end_to_end_ms:
        times = row.end_to_end_ms
        sentences.append(f"From decoded image to label: p50 {_ms(times.p50)}, p90 {_ms(times.p90)}.")
        sentences.append(f"{known(row.latency_ms).runs} timed calls{_spread(row)}.")
    sentences += _describe_comparison(row)
    if row.ece is None:
        sentences.append("The output is no probability distribution, so its calibration is not given.")
    else:
        sentences.append(f"Calibration error (ECE, 15 bins) {row.ece:.2%}, NLL {row.nll:.4f}.")
    if row.shares_accuracy_with:
        sentences.append(f"Classified once, by {row.shares_accuracy_with}, which is the same file and agrees.")
    return sentences


# Who says what a file is fed, in words.
FED_BY = {
    "passport": "by its passport", "options": "as --mean and --std say", "metadata": "by its TFLite metadata",
    "assumed": "since it does not say what else", "contract": "as our Keras models take them",
}  # fmt: skip


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 1000 else f"{value:.3g} ms"


def _fed(row: Row) -> str:
    """What the file was fed; nothing for a document of an earlier version, which does not say."""
    fed = row.preprocessing
    if not fed:
        return ""
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (fed.mean, fed.std))
    values = "pixels 0..255" if (mean, std) == ("0", "1") else f"(pixel - {mean}) / {std}"
    return f" Fed {values}, {FED_BY[fed.source]}."


def _spread(row: Row) -> str:
    spread = row.process_spread
    return "" if spread is None else f"; fresh starts differ by {spread:.1%} (standard deviation)"


def _describe_comparison(row: Row) -> list[str]:
    """The row beside the baseline; nothing for the baseline itself, and where there is none."""
    if row.mcnemar_p is None:
        return []
    sentences = [
        f"Same answer as the baseline on {row.agreement:.2%} of the images; lost {row.lost}, gained "
        f"{row.gained} (exact McNemar p = {row.mcnemar_p:.2g})."
    ]
    worst = row.most_lost_class
    if worst:
        sentences.append(f"The class that lost most: {worst.label}, {worst.delta_pp:+.2f} points.")
    return sentences


def machine_sentences(document: Document) -> list[str]:
    """What is to be known of the machines beside the figures: energy, delegates, and whose browsers there are."""
    return [*energy_sentences(document), *delegation_sentences(document), *browser_sentences(document)]


def delegation_sentences(document: Document) -> list[str]:
    """Which files run on slower kernels in part, for their delegate did not take every node."""
    parts = [(row.label, row.nodes) for row in document.rows if row.nodes and row.nodes.in_part]
    if not parts:
        return []
    words = ", ".join(f"{label} {nodes.delegated} of {nodes.total}" for label, nodes in parts)
    return [f"nodes on XNNPACK's fast kernels, where not all: {words}."]


def browser_sentences(document: Document) -> list[str]:
    """Whose figures those of browsers are, as each browser calls itself and its device."""
    found = {row.browser.device: row.browser.user_agent for row in document.rows if row.browser}
    return [f"{device}: {agent}, as its browser says." for device, agent in found.items()]


def energy_sentences(document: Document) -> list[str]:
    """What one inference costs in energy, and who measured it; nothing where nobody did."""
    known_ones = [(row.label, row.energy_mj, row.power) for row in document.rows if row.energy_mj and row.power]
    if not known_ones:
        return []
    words = ", ".join(f"{label} {energy:.3g} mJ" for label, energy, _ in known_ones)
    powers = [power for _, _, power in known_ones]
    idle = f"{min(one.idle_w for one in powers):.3g} to {max(one.idle_w for one in powers):.3g} W"
    return [f"energy of one inference ({powers[0].source}; {idle} of an idle machine subtracted): {words}."]


def sustained_sentences(document: Document) -> list[str]:
    """How long the files were kept busy, and what the machine's sensors said meanwhile; nothing if they were not."""
    load = document.sustained
    if not load:
        return []
    seconds = load.seconds
    span = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    sentences = [f"sustained load: {span}, all files in turn without a pause."]
    for values, words, unit in ((load.temperature_c, "temperature", "°C"), (load.mhz, "clock", "MHz")):
        told = [value for value in values if value is not None]
        if told:
            extremes = f"between {min(told):g} and {max(told):g} {unit}"
            sentences.append(f"{words}: {told[0]:g} {unit} at first, {told[-1]:g} {unit} at last, {extremes}.")
        else:
            sentences.append(f"{words}: this machine does not tell.")
    events = [count for count in load.throttle_events or [] if count is not None]
    if events:
        sentences.append(f"the CPU counted {events[-1]} throttle event{'s' if events[-1] != 1 else ''}.")
    elif all(one is None for one in load.throttled):
        sentences.append("throttling: this machine does not tell.")
    slowed = [at for at, throttled in zip(load.at_s, load.throttled, strict=True) if throttled]
    if slowed:
        sentences.append(f"the board throttled itself from second {slowed[0]:.0f} on.")
    return sentences


def _speed(row: Row) -> str:
    text = f"{known(row.p50_ms):.3g} ms an image"
    if row.speedup is None:
        return text
    if not row.difference_shown:
        return f"{text}; no difference in speed to the fastest way to call Keras was shown"
    return f"{text}, {row.speedup:.1f} times as fast as the fastest way to call Keras"


def _size(row: Row) -> str:
    return size_words(row.size_bytes)
