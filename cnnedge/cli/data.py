"""``cnnedge data``: what labelled pictures are like, before any work."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import AsJson, Test

if TYPE_CHECKING:
    from cnnedge.data.findings import Findings


def data(
    source: Annotated[str, typer.Argument(metavar="DIR|NAME", help="A folder or zip of pictures, or a dataset.")],
    test: Test = None,
    as_json: AsJson = False,
) -> None:
    """Look at labelled pictures: how many of each class, copies, leaks, damage.

    Every picture is decoded once. Said are pictures that lie in two parts or in
    two classes, copies of others, small classes, and files that cannot be read.
    Where a folder has no test or validation part, a fifth of each class is set
    aside for test, as export and train do.

    Examples:

      cnnedge data photos/

      cnnedge data flowers.zip --json
    """
    from cnnedge import data as datasets

    # However many are damaged: this command is for finding out.
    options = datasets.FolderOptions(test=test, max_bad=0.99)
    datasets.check_source(source, options=options)
    with console.progress() as progress:
        found = datasets.look(source, options, progress=progress)
    if as_json:
        print(json.dumps(found.document(), indent=2))
    else:
        _print(found)


def _print(found: "Findings") -> None:
    parts = list(found.per_class)
    width = max(len(label) for label in (*found.labels, "class", "all"))
    console.show(f"{'class':<{width}}{''.join(f'{part:>12}' for part in parts)}")
    for index, label in enumerate(found.labels):
        console.show(f"{label:<{width}}{''.join(f'{found.per_class[part][index]:>12,}' for part in parts)}")
    console.show(f"{'all':<{width}}{''.join(f'{sum(found.per_class[part]):>12,}' for part in parts)}")
    if found.unreadable:
        console.show(f"{len(found.unreadable):,} cannot be read: {found.unreadable[0]}")
