"""The model card: one Markdown page that says what a model is, how it came about, and everything measured on it.

It is made from the documents in the model's folder. No figure is in it that is in none of them; what was not measured
is said to be so.
"""

from pathlib import Path

from cnnedge.cards import architecture, measured
from cnnedge.cards.evidence import CARD, CardFacts, load_facts
from cnnedge.cards.markdown import few, section, table, with_interval
from cnnedge.files import write_atomically
from cnnedge.formats.model_file import open_model_file
from cnnedge.manifest import FOLDER
from cnnedge.model.networks import MODELS, count_macs


def write_card(folder: Path, path: Path | None = None) -> Path:
    """Write the card of the model in ``folder`` to ``path``, or as its ``README.md``; return the path.

    Raises:
        DataError, ModelError: see ``evidence.load_facts``.
    """
    path = path or folder / CARD
    write_atomically(path, render(load_facts(folder)).encode())
    return path


def render(facts: CardFacts) -> str:
    """The card as Markdown."""
    parts = [
        _summary(facts),
        measured.files(facts),
        architecture.architecture(facts),
        architecture.training(facts),
        measured.per_class(facts),
        measured.calibration(facts),
        measured.robustness(facts),
        measured.latency(facts),
        *([architecture.width_curve(facts)] if facts.is_ours else []),
        _limits(facts),
        _licence(facts),
        architecture.reproduce(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(facts: CardFacts) -> str:
    data, baseline = facts.benchmark.data, facts.baseline
    height, width, channels = facts.network.input_shape[1:]
    shape = f"{height} x {width} {'grey' if channels == 1 else 'RGB'}"
    rows = [
        ("feed it", f"{shape} pixels 0..255 as decoded, no scaling (NHWC)"),
        ("comes out", f"one probability per class: {few(data.labels)}"),
        ("size", f"{facts.network.count_params():,} parameters, {count_macs(facts.network) / 1e6:.2f} million MACs"),
        ("float top-1 %", with_interval(*baseline.top1_interval)),
    ]
    for row in facts.int8_rows[-1:]:
        accuracy = with_interval(*row.top1_interval)
        rows.append(("int8 top-1 %", f"{accuracy}: `{row.file}`, {row.size_bytes:,} bytes"))
    network = facts.training.network if facts.training else ""
    summary = f"{MODELS[network].summary}." if network in MODELS else "An image classifier."
    return "\n\n".join((
        f"# {facts.name}",
        f"{summary[0].upper()}{summary[1:]} The figures are those of the files in this folder, if "
        "nothing else is said; `cnnedge card` wrote this page.",
        table(("", ""), rows, texts=2),
    ))  # fmt: skip


def _limits(facts: CardFacts) -> str:
    height, width = facts.network.input_shape[1:3]
    data = facts.benchmark.data
    return section(
        "Limits",
        f"It names one of its {len(data.labels)} classes whatever it is shown, and knows nothing else. It sees "
        f"{height} x {width} pixels. Its accuracy is that on {data.name}'s test images; other pictures are another "
        "matter, as the robustness above shows. Not for decisions about people.",
    )


def _licence(facts: CardFacts) -> str:
    exported = next(row for row in facts.rows if row.format != "keras")
    passport = open_model_file(facts.folder / exported.file).passport
    own = passport.licence if passport and passport.licence else "not stated"
    data = facts.manifest.data
    licence = "licence not stated"
    if data and data.licence:
        licence = data.licence if data.source == FOLDER else f"{data.licence}; see NOTICE"
    return section("Licence", f"The files: {own}. The data, which is not in them: {licence}.")
