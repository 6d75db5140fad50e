"""What all parts of a labelling say together: counts per label, errors by kind, accuracy, the least sure pictures."""

import heapq
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import CnnedgeError
from cnnedge.scoring.accuracy import confusion_matrix, per_class_accuracy, wilson_interval
from cnnedge.scoring.bulk.inventory import Inventory
from cnnedge.scoring.bulk.order import Order
from cnnedge.scoring.score import Score

if TYPE_CHECKING:
    import pyarrow

LEAST_SURE = 48
# A kind of error is its words without its numbers.
_NUMBER = re.compile(r"\d[\d,.]*")
_COLUMNS = ["key", "label", "index", "score", "error", "truth"]


@dataclass(frozen=True)
class Doubt:
    """A picture with a low score: ``score`` 0..1, its place (``part``, ``row``), its key and its label."""

    score: float
    part: int
    row: int
    key: str
    label: str


@dataclass
class Tally:
    """``pictures`` all; ``labels``: how many of each; ``errors``: how many of each kind; ``doubts``: the least sure
    first. Of those whose class is known and one of the file's: ``known``, ``right``, and the counts ``confusion``
    int64 (classes, classes), row = true class; ``strangers``: how many of each class that the file does not have."""

    names: tuple[str, ...]
    pictures: int = 0
    parts: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    doubts: list[Doubt] = field(default_factory=list)
    known: int = 0
    right: int = 0
    strangers: Counter[str] = field(default_factory=Counter)
    confusion: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    @property
    def failed(self) -> int:
        return self.errors.total()

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of top-1; see ``known``, which must not be 0."""
        return wilson_interval(self.right, self.known)

    def document(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        found: dict[str, Any] = {
            "pictures": self.pictures, "parts": self.parts, "labels": dict(self.labels.most_common()),
            "errors": dict(self.errors.most_common()),
            "least_sure": [{"key": one.key, "label": one.label, "score": one.score} for one in self.doubts],
        }  # fmt: skip
        if self.strangers:
            found["unknown_classes"] = dict(self.strangers.most_common())
        if self.known:
            low, high = self.interval
            found["accuracy"] = {
                "images": self.known, "top1": self.right / self.known, "top1_low": low, "top1_high": high,
                "per_class": dict(zip(self.names, per_class_accuracy(self.confusion), strict=True)),
                "confusion": self.confusion.tolist(),
            }  # fmt: skip
        return found


def tally(order: Order, inventory: Inventory, names: tuple[str, ...]) -> Tally:
    """Count over all parts of ``order``, one at a time; ``names`` are the file's classes.

    Raises:
        CnnedgeError: a part is missing or has other pictures than the inventory.
    """
    found = Tally(names, parts=inventory.parts)
    for part in range(inventory.parts):
        table = _read(order, part)
        if table.num_rows != inventory.rows(part):
            raise CnnedgeError(
                f"{order.part(part)} has {table.num_rows:,} pictures, expected {inventory.rows(part):,}: remove it and "
                "go on with --resume"
            )
        _count(found, table, part)
    return found


def _read(order: Order, part: int) -> "pyarrow.Table":
    import pyarrow
    from pyarrow.parquet import read_table

    try:
        # Read from the file itself: the folder's name may look like a partition's, and would add a column.
        with order.part(part).open("rb") as stream:
            return read_table(stream, columns=_COLUMNS, use_threads=False)  # some thousand rows
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise CnnedgeError(f"{order.part(part)} cannot be read ({reason}): remove it and go on with --resume") from None


def _count(found: Tally, table: "pyarrow.Table", part: int) -> None:
    found.pictures += table.num_rows
    found.labels.update(_counts(table["label"]))
    for error, count in _counts(table["error"]).items():
        found.errors[_NUMBER.sub("N", error)] += count
    found.doubts = heapq.nsmallest(LEAST_SURE, [*found.doubts, *_doubts(table, part)], key=lambda one: one.score)
    _compare(found, table)


def _counts(column: "pyarrow.ChunkedArray") -> dict[str, int]:
    return {one["values"]: one["counts"] for one in column.drop_null().value_counts().to_pylist()}


def _doubts(table: "pyarrow.Table", part: int) -> list[Doubt]:
    scores = table["score"].to_numpy()  # nan where there is none
    rows = np.argsort(scores, kind="stable")[:LEAST_SURE]
    rows = rows[~np.isnan(scores[rows])]
    keys, labels = (table[name].take(rows).to_pylist() for name in ("key", "label"))
    return [
        Doubt(float(scores[row]), part, int(row), key, label)
        for row, key, label in zip(rows, keys, labels, strict=True)
    ]


def _compare(found: Tally, table: "pyarrow.Table") -> None:
    """Count right answers where the class is known and the picture could be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    truths = pc.index_in(table["truth"], value_set=pa.array(found.names, pa.string())).to_numpy()
    answers = table["index"].to_numpy()
    strangers = table["truth"].filter(pc.and_(pc.is_valid(table["truth"]), pc.invert(pc.is_in(
        table["truth"], value_set=pa.array(found.names, pa.string())))))  # fmt: skip
    found.strangers.update(_counts(strangers))
    both = ~(np.isnan(truths.astype(float)) | np.isnan(answers.astype(float)))
    if not both.any():
        return
    score = Score(answers[both].astype(np.int64), truths[both].astype(np.int64))
    classes = len(found.names)
    counted = confusion_matrix(score.answers, score.labels, classes)
    found.confusion = counted if not found.known else found.confusion + counted
    found.known += score.images
    found.right += score.right
