"""The rows of ``history.csv`` when a training is taken up again."""

import csv
from pathlib import Path

from cnnedge.errors import ModelError
from cnnedge.files import write_atomically


def check_history(path: Path, epochs: int) -> None:
    """See that the rows of all ``epochs`` are there: what the training took is read from them when it is done.

    Raises:
        ModelError: one is not, or is no row of numbers.
    """
    if not epochs:
        return
    try:
        names, *rows = csv.reader(line.decode() for line in path.read_bytes().splitlines()[: epochs + 1])
        found = [dict(zip(names, map(float, row), strict=True))["epoch"] for row in rows]
    except (OSError, ValueError, KeyError, csv.Error):
        found = []
    if found != list(range(epochs)):
        raise ModelError(
            f"{path} is gone or damaged, expected a row for each of {epochs} epochs: put it back, or begin again with "
            "--overwrite"
        )


def trim_history(path: Path, epochs: int) -> None:
    """Leave the header and the rows of so many ``epochs``; nothing of a training that has none."""
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        write_atomically(path, b"".join(lines[: epochs + 1] if epochs else []))
