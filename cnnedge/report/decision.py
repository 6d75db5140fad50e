"""What a report leads with: which file to take, why, and what it costs; and whether the training over-fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnedge.documents import Document, Row
from cnnedge.records import known
from cnnedge.scoring.accuracy import images_to_tell

# Files of nearly one size: the faster one is taken.
NEAR = 1.05
# Points between photos of the training and others from which a person should know.
GAP_PP = 10


@dataclass(frozen=True)
class Decision:
    """``headline`` names the ``row`` that is taken, or says that there is none; ``why`` are sentences."""

    headline: str
    why: tuple[str, ...] = ()
    row: Row | None = None


def decide(document: Document) -> Decision:
    """The smallest file that was shown to be as right as the float Keras model; failing that, of those that seem to be,
    where the pictures are too few to tell."""
    exported = [row for row in document.rows if row.format != "keras" and row.top1 is not None]
    keras = next((row for row in document.rows if row.verdict == "baseline"), None)
    if keras is None or not exported:
        return Decision(f"{document.data.name}: {len(document.rows)} ways to classify an image")
    margin = document.settings.margin_pp
    shown = [row for row in exported if row.verdict in ("equal", "better")]
    seeming = [row for row in exported if row.verdict == "unclear" and known(row.delta_pp) >= -margin]
    if not (shown or seeming):
        return Decision("No file was shown to be as right as the float Keras model")
    taken, near = _cheapest(shown or seeming)
    why = [_facts(taken), _against(taken, keras)]
    if near > 1:
        why.append(f"{near} files as right are within 5 % of the smallest; it is the fastest of them.")
    if not shown:
        why.append(too_few(taken, margin))
    return Decision(f"Take {taken.file}", tuple(why), taken)


def too_few(row: Row, margin_pp: float) -> str:
    """``Too few test pictures to tell 0.5 points: 211; about 1,900 would.``"""
    room = margin_pp - abs(known(row.delta_pp))
    needed = images_to_tell(known(row.lost), known(row.gained), row.images, room if room > 0 else margin_pp)
    return (
        f"Too few test pictures to tell {margin_pp:g} points: {row.images:,}; about {max(needed, row.images):,} would."
    )


def over_fitting(document: Document, history: Mapping[str, Sequence[float]]) -> str | None:
    """What to say of top-1 on pictures of the training and on others; None if they are near each other.

    ``history`` are the columns of a training's, for documents in which no training pictures were measured: its figures
    are those of the last step, on pictures that training changes at random.
    """
    baseline = next((row for row in document.rows if row.verdict == "baseline"), None)
    if document.learned is not None and baseline is not None:
        return _gap(document.learned.top1, known(baseline.top1), "")
    if {"accuracy", "val_accuracy"} <= set(history):
        return _gap(history["accuracy"][-1], history["val_accuracy"][-1], ", changed at random")
    return None


def _gap(trained: float, others: float, how: str) -> str | None:
    if 100 * (trained - others) < GAP_PP:
        return None
    return (
        f"Over-fitted: it is right on {100 * trained:.0f} % of the pictures that it was trained on{how}, and on "
        f"{100 * others:.0f} % of others; more pictures of each class help most."
    )


def with_one_keras(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows with one for each Keras file, its fastest, and what calling it otherwise takes, in words."""
    keras = [row for row in rows if row.format == "keras" and row.latency_ms]
    if len({row.file for row in keras}) != 1 or len(keras) < 2:
        return list(rows), ""
    fastest = min(keras, key=lambda row: known(row.p50_ms))
    others = [row for row in keras if row is not fastest]
    words = ", ".join(f"{known(row.p50_ms):.3g} ms by {row.mode}" for row in others)
    return [row for row in rows if row not in others], f"The same Keras model takes {words}."


def _cheapest(rows: Sequence[Row]) -> tuple[Row, int]:
    """The one that is taken, and how many files are as small."""
    least = min(row.size_bytes for row in rows)
    near = [row for row in rows if row.size_bytes <= NEAR * least]
    return min(near, key=lambda row: (row.p50_ms is None, row.p50_ms or 0, row.size_bytes)), len(near)


def _facts(row: Row) -> str:
    top1, low, high = (100 * value for value in row.top1_interval)
    right = f"right on {top1:.1f} % of {row.images:,} test pictures ({low:.1f} to {high:.1f} % on others like them)"
    speed = "" if row.p50_ms is None else f", {row.p50_ms:.3g} ms a picture on this machine"
    return f"{size_words(row.size_bytes)}, {right}{speed}."


def _against(row: Row, keras: Row) -> str:
    lost, gained = known(row.lost), known(row.gained)
    changed = "it has right just what the float model has"
    if lost or gained:
        changed = f"of what the float model has right it loses {lost:,}, and it gains {gained:,}"
    return f"{keras.size_bytes / row.size_bytes:.1f} times smaller than the float Keras model; {changed}."


def size_words(size: int) -> str:
    """``94 kB`` or ``1.3 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
