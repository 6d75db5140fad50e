"""The pictures that a file gets wrong: the surest of its mistakes, and which classes it takes for which."""

from typing import TYPE_CHECKING, Any

from cnnedge.documents import Document, Row
from cnnedge.report.pictures import png_address

if TYPE_CHECKING:
    from cnnedge.data import Split

SHOWN, CONFUSIONS = 12, 5


def confusions(row: Row, labels: list[str]) -> list[str]:
    """``4 of 40 rose are taken for tulip``, the largest part of a class first."""
    found = [
        (count / sum(counts), count, sum(counts), labels[true], labels[taken])
        for true, counts in enumerate(row.confusion or [])
        for taken, count in enumerate(counts)
        if taken != true and count
    ]
    worst = sorted(found, key=lambda one: (-one[0], one[3], one[4]))[:CONFUSIONS]
    return [f"{count:,} of {whole:,} {true} taken for {taken}" for _, count, whole, true, taken in worst]


def surest(row: Row, document: Document, images: "Split | None") -> list[dict[str, Any]]:
    """The mistakes of which the file is surest, with the pictures; nothing without them."""
    if images is None:
        return []
    names = document.data.labels
    called: list[str] = getattr(images, "picture_names", list)()
    return [
        {
            "source": png_address(images.pixels([one.image])[0]),
            "name": called[one.image].rpartition("/")[2] if called else "",
            "label": names[one.label],
            "predicted": names[one.predicted],
            "confidence": f"{100 * one.confidence:.0f}",
        }
        for one in (row.mistakes or [])[:SHOWN]
    ]
