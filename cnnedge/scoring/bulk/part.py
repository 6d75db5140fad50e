"""One part of a labelling: its pictures decoded, classified and written, by whichever process gets it."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.data.sources import Entry, open_source
from cnnedge.errors import CnnedgeError
from cnnedge.files import write_atomically
from cnnedge.images.decode import decode
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.bulk.attempts import MOST_TRIES, Attempts
from cnnedge.scoring.bulk.inventory import NAME, Inventory
from cnnedge.scoring.bulk.order import Order

if TYPE_CHECKING:
    import pyarrow

# Pictures whose classes are ordered at once.
_BLOCK = 64
_FATAL = f"ended the process that read it, {MOST_TRIES} times"


class Labeller:
    """Labels parts of ``order`` in this process; opens the file and the source once."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._file = order.open_file()
        self._runner = open_runner(self._file)
        self._labels = self._file.class_names(self._runner.num_classes)
        self._source = open_source(order.source)
        self._inventory = Inventory(order.out / NAME)
        self.attempts: Attempts | None = None

    def label(self, part: int, report: Callable[[int], None] = lambda rows: None) -> int:
        """Write one part, in one step; how many pictures it has. ``report`` is told how many are done.

        Raises:
            OSError: it cannot be written.
        """
        entries = self._inventory.read(part)
        answers = _Answers(len(entries), min(self._order.top, len(self._labels)))
        with Attempts(self._order.out, part, len(entries)) as self.attempts:
            self._answer(entries, answers, report)
            for row in self.attempts.given_up:
                answers.errors[row] = _FATAL
            write_atomically(self._order.part(part), self._parquet(entries, answers))
        self.attempts = None
        return len(entries)

    def _answer(self, entries: list[Entry], answers: "_Answers", report: Callable[[int], None]) -> None:
        runner, shape = self._runner, self._runner.input_shape
        rows: list[int] = []
        raw: list[np.ndarray] = []
        for done, row in enumerate(self.attempts.in_order() if self.attempts else ()):
            try:
                pixels = decode(self._source.encoded(entries[row]), shape)
                raw.append(runner.run(runner.prepare(pixels[np.newaxis])))
                rows.append(row)
            except (CnnedgeError, OSError) as error:
                answers.errors[row] = _reason(error, entries[row])
            if len(rows) == _BLOCK:
                answers.put(rows, runner.probabilities(np.concatenate(raw)))
                rows, raw = [], []
                report(done + 1)
        if rows:
            answers.put(rows, runner.probabilities(np.concatenate(raw)))

    def _parquet(self, entries: list[Entry], answers: "_Answers") -> bytes:
        from pyarrow.parquet import write_table

        certain = self._file.contract.gives_probabilities
        table = answers.table(entries, self._labels, self._file.sha256, certain=certain)
        stream = io.BytesIO()
        write_table(table, stream, compression="zstd")
        return stream.getvalue()


class _Answers:
    """The ``top`` classes of each picture of a part and what came out for them, or why there are none."""

    def __init__(self, rows: int, top: int) -> None:
        self.classes = np.full((rows, top), -1, np.int32)
        self.values = np.zeros((rows, top), np.float32)
        self.errors: list[str | None] = [None] * rows

    def put(self, rows: list[int], values: np.ndarray) -> None:
        """``values`` float32 (rows, classes); equal ones in the order of the classes, as ``Classifier`` has them."""
        order = (-values).argsort(axis=1, kind="stable")[:, : self.classes.shape[1]]
        self.classes[rows] = order
        self.values[rows] = np.take_along_axis(values, order, axis=1)
        for row in np.asarray(rows)[~np.isfinite(values).all(axis=1)].tolist():
            self.errors[row] = "the file gives values that are no numbers"

    def table(self, entries: list[Entry], labels: tuple[str, ...], sha256: str, *, certain: bool) -> "pyarrow.Table":
        import pyarrow as pa

        failed = np.array([error is not None for error in self.errors], bool)
        names = pa.array(labels, pa.string())
        classes, values = (pa.array(found.reshape(-1)) for found in (np.maximum(self.classes, 0), self.values))
        missing = pa.nulls(len(values), pa.float32())
        each = pa.StructArray.from_arrays(
            [names.take(classes), classes, *((values, missing) if certain else (missing, values))],
            ["label", "index", "score", "value"],
        )
        starts = np.arange(len(entries) + 1, dtype=np.int32) * self.classes.shape[1]
        tops = pa.ListArray.from_arrays(pa.array(starts), each, mask=pa.array(failed))
        first = each.take(pa.array(starts[:-1], mask=failed))
        columns = {name: first.field(name) for name in ("label", "index", "score", "value")}
        columns = {name: _masked(column, failed) for name, column in columns.items()}
        return pa.table({
            "key": [entry.key for entry in entries], **columns, "top": tops,
            "error": pa.array(self.errors, pa.string()),
            "truth": pa.array([entry.truth for entry in entries], pa.string()),
            "model_sha256": pa.array([sha256] * len(entries), pa.string()),
        })  # fmt: skip


def _masked(column: "pyarrow.Array", missing: np.ndarray) -> "pyarrow.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(missing), pa.scalar(None, column.type), column)


def _reason(error: Exception, entry: Entry) -> str:
    """What is wrong, without the name, which is the row's key."""
    text = str(getattr(error, "strerror", None) or error)
    return text.removeprefix(f"{entry.file}: ").removeprefix("the image: ")
