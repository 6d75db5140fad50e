"""What a labelling is asked to do, and the record of it that lies beside its parts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnedge import __version__
from cnnedge.errors import CnnedgeError, FileExistsRefusal, UsageError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.images.normalization import Normalization
from cnnedge.records import from_json, write_record

# A part takes minutes at most, and its loss costs no more; a million pictures are 200 parts, files of some 100 kB.
PART_ROWS = 5000
_RECORD = "_run.json"
_PART = "part-{:06d}.parquet"
_FRESH = "give another --out"
# What parts of one labelling have in common.
_SAME = {
    "model_sha256": "another model file", "source": "another --data", "top": "another --top",
    "part_rows": "another --part-rows", "told": "another --mean, --std or --labels",
}  # fmt: skip


@dataclass(frozen=True)
class Order:
    """Label every picture of ``source`` with ``file`` into ``out``: ``top`` classes each, ``part_rows`` to a part.

    ``normalization`` and ``labels`` are what a person says of a file that says neither itself.
    """

    file: Path
    source: str
    out: Path
    top: int = 1
    part_rows: int = PART_ROWS
    normalization: Normalization | None = None
    labels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if min(self.top, self.part_rows) < 1:
            raise ValueError(f"top is {self.top} and part_rows {self.part_rows}, expected at least 1")

    def open_file(self) -> ModelFile:
        """Raises:
        ModelError, UsageError: see ``open_model_file`` and ``ModelFile.told``.
        """
        return open_model_file(self.file).told(self.normalization, self.labels)

    def part(self, number: int) -> Path:
        return self.out / _PART.format(number)


@dataclass(frozen=True)
class RunRecord:
    """``_run.json``: what the parts beside it are parts of."""

    model: str
    model_sha256: str
    source: str
    top: int
    part_rows: int
    told: str
    cnnedge: str


def settle(order: Order, file: ModelFile, *, resume: bool) -> None:
    """Write the record of ``order``, or see that the parts in ``order.out`` are this order's.

    Raises:
        FileExistsRefusal: there are parts, and ``resume`` is not asked for.
        UsageError: they are another order's.
        CnnedgeError: the record is damaged.
    """
    told = f"{order.normalization} {order.labels}"
    wanted = RunRecord(file.name, file.sha256, order.source, order.top, order.part_rows, told, __version__)
    path = order.out / _RECORD
    if not path.exists():
        if order.out.is_dir() and any(order.out.glob("*.parquet")):
            raise FileExistsRefusal(f"{order.out} holds Parquet files that are no labelling of ours: {_FRESH}")
        write_record(path, wanted)
        return
    found = _read(path)
    for name, what in _SAME.items():
        if getattr(found, name) != getattr(wanted, name):
            detail = f"{getattr(found, name)} of {found.model}" if name == "model_sha256" else getattr(found, name)
            raise UsageError(f"{order.out} holds a labelling with {what} ({detail}): {_FRESH}")
    if not resume:
        raise FileExistsRefusal(f"{order.out} holds a labelling already: add --resume to go on with it, or {_FRESH}")


def _read(path: Path) -> RunRecord:
    try:
        return from_json(RunRecord, json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise CnnedgeError(f"{path} cannot be read ({error}): {_FRESH}") from None
