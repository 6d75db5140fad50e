"""The page of ``cnnedge data``: what labelled pictures are like, with some of every class."""

from pathlib import Path

import numpy as np

from cnnedge.data import Split
from cnnedge.data.findings import Findings
from cnnedge.files import write_atomically
from cnnedge.report.pages import environment
from cnnedge.report.pictures import png_address

_PICTURES = 8


def write_looks(path: Path, source: str, found: Findings, parts: dict[str, Split]) -> None:
    """Write ``found`` of ``source`` and evenly spaced pictures of every class of ``parts``."""
    page = environment().get_template("looks.html").render(
        title=f"The pictures of {source}",
        found=found,
        warnings=found.warnings(),
        table=[(label, counts) for label, *counts in zip(found.labels, *found.per_class.values(), strict=True)],
        classes=[(label, _pictures(parts, index)) for index, label in enumerate(found.labels)],
    )  # fmt: skip
    write_atomically(path, page.encode())


def _pictures(parts: dict[str, Split], label: int) -> list[tuple[str, str]]:
    """The part and the address of each picture shown of one class."""
    shown = []
    for name, part in parts.items():
        places = np.flatnonzero(part.labels == label)
        chosen = (
            places[np.unique(np.linspace(0, len(places) - 1, _PICTURES).round().astype(int))] if len(places) else []
        )
        shown += [(name, png_address(picture)) for picture in part.pixels(chosen)]
    return shown
