"""``cnnedge data``: what labelled pictures are like, before any work."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import AsJson, Overwrite, Test
from cnnedge.errors import MissingPackageError
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    from cnnedge.data import Split
    from cnnedge.data.findings import Findings


# What pictures are compared at: as small networks see them, or as a person can.
_SIZE, _PAGE_SIZE = 32, 96


def data(
    source: Annotated[str, typer.Argument(metavar="DIR|NAME", help="A folder, zip, shards or a list; a dataset.")],
    test: Test = None,
    size: Annotated[
        int | None,
        typer.Option(min=8, max=1024, metavar="N", help="Compare at N x N pixels: 32, or 96 with a page."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write a page with pictures of every class.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Look at labelled pictures: how many of each class, copies, leaks, damage.

    Every picture is decoded once. Said are pictures that lie in two parts or in
    two classes, copies of others, small classes, pictures of one colour, and
    files that cannot be read. A terminal with colours shows some of each class.
    Where a folder has no test or validation part, a fifth of each class is set
    aside for test, as export and train do.

    Examples:

      cnnedge data photos/

      cnnedge data flowers.zip --json

      cnnedge data 'shards/*.tar' --report looks.html
    """
    from cnnedge import data as datasets

    # However many are damaged: this command is for finding out.
    options = datasets.FolderOptions(test=test, max_bad=0.99)
    datasets.check_source(source, options=options)
    if report is not None:
        refuse_existing([report], overwrite=overwrite)
        check_writable(report)
        if find_spec("jinja2") is None:
            raise MissingPackageError("jinja2", "report")
    side = size or (_SIZE if report is None else _PAGE_SIZE)
    with console.progress() as progress:
        found, parts = datasets.look(source, options, image_shape=(side, side, 3), progress=progress)
    if report is not None:
        from cnnedge.report.looks import write_looks

        write_looks(report, source, found, parts)
        console.say(f"wrote {report}")
    if as_json:
        print(console.json_text(found.document(), indent=2))
    else:
        _print(found)
        _show_mosaic(found, parts)


def _print(found: "Findings") -> None:
    parts = list(found.per_class)
    width = max(len(label) for label in (*found.labels, "class", "all"))
    console.show(f"{'class':<{width}}{''.join(f'{part:>12}' for part in parts)}")
    for index, label in enumerate(found.labels):
        console.show(f"{label:<{width}}{''.join(f'{found.per_class[part][index]:>12,}' for part in parts)}")
    console.show(f"{'all':<{width}}{''.join(f'{sum(found.per_class[part]):>12,}' for part in parts)}")
    if found.sides is not None:
        least, median, most = found.sides
        console.show(f"smaller side of a picture: {least:,} to {most:,} pixels, {median:,} in the middle")
    if found.unreadable:
        console.show(f"{len(found.unreadable):,} cannot be read: {found.unreadable[0]}")


def _show_mosaic(found: "Findings", parts: "dict[str, Split]") -> None:
    """Pictures of every class, where standard output is a terminal with colours."""
    from rich.console import Console

    terminal = Console(highlight=False)
    if not terminal.is_terminal or terminal.no_color or terminal.color_system is None:
        return
    from cnnedge.report.mosaic import MOST_CLASSES, mosaic

    for label, lines in mosaic(parts, found.labels, terminal.width):
        console.show(label)
        for line in lines:
            terminal.print(line, soft_wrap=True)
    if len(found.labels) > MOST_CLASSES:
        console.show(f"{len(found.labels) - MOST_CLASSES:,} more classes: --report FILE.html shows them")
