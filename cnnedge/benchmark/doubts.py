"""What must not pass in silence: accuracy lost, guessing, another order of classes, too few images."""

from collections.abc import Sequence

import numpy as np

from cnnedge.documents import Document, Row
from cnnedge.records import known
from cnnedge.scoring.accuracy import better_order, images_to_tell


def doubts(document: Document) -> list[str]:
    """One sentence for each, the worst first."""
    found = [
        *(_loss(row, document) for row in document.rows if row.is_great_loss),
        *(_guessing(row, document) for row in _once(document.classified) if _guesses(row, document)),
        *(_other_order(row, document) for row in _once(document.classified)),
        _too_few(document),
    ]
    return [sentence for sentence in found if sentence]


def _loss(row: Row, document: Document) -> str:
    data = "" if document.data.source == "folder" else f" --data {document.data.name}"
    return (
        f"LOSS: {row.label} is {-known(row.delta_pp):.2f} points less accurate than {document.baseline} (at least "
        f"{-known(row.delta_high_pp):.2f}, 95 % sure): cnnedge inspect FILE --errors{data} shows in which layer; try "
        "more or other calibration images, or --qat."
    )


def _guesses(row: Row, document: Document) -> bool:
    """Whether the row's accuracy may well be that of guessing."""
    return known(row.top1_low) <= 1 / len(document.data.labels)


def _guessing(row: Row, document: Document) -> str:
    return (
        f"{row.label} may as well be guessing: {known(row.top1):.1%} right, where guessing gives "
        f"{1 / len(document.data.labels):.1%}. Wrong scaling (--mean, --std), labels in another order (--labels) or an "
        "untrained model."
    )


def _other_order(row: Row, document: Document) -> str:
    """A hint where each class is mostly answered by one other, with what top-1 would be then."""
    confusion = np.array(row.confusion)
    answered, labels = better_order(confusion), document.data.labels
    if answered is None:
        return ""
    matched = confusion[np.arange(len(labels)), answered].sum() / confusion.sum()
    outputs = answered if row.columns is None else np.array(row.columns)[answered]
    order = [labels[index] for index in np.argsort(outputs)]
    return (
        f"{row.label} would be right on {matched:.1%} instead of {known(row.top1):.1%} with its classes in another "
        f"order: if it was made so, --labels {','.join(order)} says it."
    )


def _too_few(document: Document) -> str:
    """How many images would tell, where these do not."""
    unclear = [row for row in document.rows if row.verdict == "unclear"]
    if not unclear:
        return ""
    margin, images = document.settings.margin_pp, document.data.images
    needed = max(images_to_tell(known(row.lost), known(row.gained), images, margin) for row in unclear)
    told = f"about {needed:,} would tell {margin:g} points" if needed > images else "the difference is near the margin"
    return f"Too few test pictures to tell for {', '.join(row.label for row in unclear)}: {images:,}; {told}."


def _once(rows: Sequence[Row]) -> list[Row]:
    """The rows that were classified themselves: a Keras file called in several ways, once."""
    return [row for row in rows if row.shares_accuracy_with is None]
