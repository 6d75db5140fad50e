"""``cnnedge report``: the table again from benchmark.json, or several machines side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Overwrite
from cnnedge.errors import UsageError
from cnnedge.files import refuse_existing

if TYPE_CHECKING:
    from cnnedge.documents import Document


def report(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.json..", help="What cnnedge benchmark wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a self-contained page here.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown, for a README.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print all figures as CSV.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Show a benchmark again, or lay those of several machines side by side.

    Examples:

      cnnedge report exported/cifar10/benchmark.json --markdown

      cnnedge report host.json pi.json --out both.html
    """
    from cnnedge.documents import read_document

    if len(files) > 1 and (markdown or csv):
        raise UsageError("--markdown and --csv take one file")
    if out is not None:
        refuse_existing([out], overwrite=overwrite)
    documents = [read_document(file) for file in files]
    if len(documents) > 1:
        _print_machines(documents)
    else:
        _print_one(documents[0], markdown=markdown, csv=csv)
    if out is not None:
        _write(out, documents)
        console.show(f"written: {out}")


def _print_one(document: "Document", *, markdown: bool, csv: bool) -> None:
    from cnnedge.report import table

    if markdown:
        print(table.markdown(document), end="")
    if csv:
        print(table.csv_text(document), end="")
    if not (markdown or csv):
        from cnnedge.report.table import print_table

        print_table(document)


def _print_machines(documents: "Sequence[Document]") -> None:
    """p50 in ms per file and machine, and what makes the machines less than comparable."""
    from rich.console import Console

    from cnnedge.report import table
    from cnnedge.report.pages import comparison_warnings

    Console(highlight=False).print(table.machines_table(documents))
    for index, document in enumerate(documents, 1):
        console.show(f"{index}: {document.machine.cpu}, {document.made.at}")
    for warning in comparison_warnings(documents):
        console.show(f"note: {warning}")


def _write(out: Path, documents: "Sequence[Document]") -> None:
    from cnnedge.report.pages import write_comparison, write_report

    if len(documents) > 1:
        write_comparison(out, documents)
    else:
        write_report(out, documents[0])
