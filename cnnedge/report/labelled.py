"""The page of a labelling: counts, errors, accuracy where classes are known, the pictures the file is least sure of."""

from pathlib import Path
from typing import Any

from cnnedge.data.sources import open_source
from cnnedge.errors import CnnedgeError
from cnnedge.files import write_atomically
from cnnedge.images.decode import decode
from cnnedge.report.pages import environment, heated
from cnnedge.report.pictures import png_address
from cnnedge.scoring.accuracy import per_class_accuracy
from cnnedge.scoring.bulk.inventory import NAME, Inventory
from cnnedge.scoring.bulk.order import Order
from cnnedge.scoring.bulk.tally import Doubt, Tally

_PICTURE_SHAPE = (96, 96, 3)
# A table of more classes than this is no longer read by anyone.
_MOST_CLASSES = 40


def write_page(path: Path, order: Order, tally: Tally) -> None:
    """Write the page of ``tally`` to ``path``; its pictures are read again, those that are gone are left out."""
    page = environment().get_template("labelled.html").render(
        title=f"{tally.pictures:,} pictures labelled with {order.file.name}",
        order=order,
        tally=tally,
        labels=tally.labels.most_common(),
        errors=tally.errors.most_common(),
        strangers=tally.strangers.most_common(_MOST_CLASSES),
        per_class=_per_class(tally),
        matrix=_matrix(tally),
        pictures=_pictures(order, tally.doubts),
    )  # fmt: skip
    write_atomically(path, page.encode())


def _per_class(tally: Tally) -> list[tuple[str, int, float]]:
    """Name, pictures and the fraction right of every class that was there."""
    if not tally.known:
        return []
    found = zip(tally.names, tally.confusion.sum(axis=1).tolist(), per_class_accuracy(tally.confusion), strict=True)
    return [(name, images, right) for name, images, right in found if right is not None]


def _matrix(tally: Tally) -> list[tuple[str, list[tuple[int, float]]]]:
    if not tally.known or len(tally.names) > _MOST_CLASSES:
        return []
    return list(zip(tally.names, map(heated, tally.confusion.tolist()), strict=True))


def _pictures(order: Order, doubts: list[Doubt]) -> list[dict[str, Any]]:
    source, inventory = open_source(order.source), Inventory(order.out / NAME)
    found, parts = {}, {}
    for doubt in sorted(doubts, key=lambda one: (one.part, one.row)):  # sources are quickest read forwards
        if doubt.part not in parts:
            parts = {doubt.part: inventory.read(doubt.part)}
        try:
            pixels = decode(source.encoded(parts[doubt.part][doubt.row]), _PICTURE_SHAPE)
        except (CnnedgeError, OSError):
            continue
        found[doubt] = {"source": png_address(pixels), "doubt": doubt}
    return [found[doubt] for doubt in doubts if doubt in found]
