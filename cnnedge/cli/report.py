"""``cnnedge report``: the table again from benchmark.json, or several machines side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Overwrite, Wide
from cnnedge.errors import UsageError
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    from cnnedge.documents import Document
    from cnnedge.report.foreign import ForeignRow


def report(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE.json|FOLDER..", help="What cnnedge benchmark wrote, and cnnedge demo.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a self-contained page here.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown, for a README.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print all figures as CSV.")] = False,
    wide: Wide = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="The second of two runs of the same files against the first.")
    ] = False,
    fail_slower: Annotated[
        float | None,
        typer.Option(metavar="PCT", help="With --compare: exit code 3 if a file was shown to be so much slower."),
    ] = None,
    foreign: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What another program measured of these files; may be repeated."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show a benchmark again, lay those of several machines side by side, or
    compare two runs on one machine.

    --compare says for every file whether the second run was shown to be slower
    or faster than the first: by more than fresh starts of the same file differ,
    99 % sure.

    What a phone measured (cnnedge demo) becomes rows of the benchmark whose
    files it ran. --foreign shows other programs' figures beside: the JSON of
    litert-benchmark --result_json, or what benchmark_model or
    onnxruntime_perf_test printed.

    Examples:

      cnnedge report exported/cifar10 --markdown

      cnnedge report host.json pi.json --out both.html

      cnnedge report exported/mnist/benchmark.json demo/my-phone.json

      cnnedge report before.json after.json --compare --fail-slower 5

      cnnedge report benchmark.json --foreign phone.txt --out with-phone.html
    """
    from cnnedge.documents import located_document, read_documents
    from cnnedge.report.foreign import read_foreign

    if fail_slower is not None and not (compare and fail_slower >= 0):
        raise UsageError("--fail-slower PCT goes with --compare and takes percent, 0 or more")
    if out is not None:
        refuse_existing([out], overwrite=overwrite)
        check_writable(out)
    documents = read_documents([located_document(file) for file in files])
    others = [read_foreign(file) for file in foreign or ()]
    if len(documents) > 1 and (markdown or csv):
        raise UsageError("--markdown and --csv take one benchmark")
    if foreign and (len(documents) > 1 or csv):
        raise UsageError("--foreign goes with one benchmark, and not with --csv")
    if compare and len(documents) != 2:
        raise UsageError(f"--compare takes two files, the run before and the run after, not {len(documents)}")
    if len(documents) > 1:
        _print_machines(documents, compare=compare)
    else:
        _print_one(documents[0], others, markdown=markdown, csv=csv, wide=wide)
    if out is not None:
        _write(out, documents, others)
        console.show(f"written: {out}")
    if fail_slower is not None:
        from cnnedge.report.changes import changes, refuse_slower

        refuse_slower(changes(*documents), fail_slower)


def _print_one(document: "Document", others: "list[ForeignRow]", *, markdown: bool, csv: bool, wide: bool) -> None:
    from cnnedge.report import table

    if markdown:
        print(table.markdown(document, wide=wide, foreign=others), end="")
    if csv:
        print(table.csv_text(document), end="")
    if not (markdown or csv):
        from cnnedge.report.table import print_table

        print_table(document, wide=wide, foreign=others)


def _print_machines(documents: "Sequence[Document]", *, compare: bool) -> None:
    """p50 in ms per file and run, and what makes the runs less than comparable."""
    from rich.console import Console

    from cnnedge.report import table
    from cnnedge.report.changes import changes
    from cnnedge.report.pages import comparison_warnings

    shown = table.changes_table(changes(*documents)) if compare else table.machines_table(documents)
    Console(highlight=False).print(shown)
    for index, document in enumerate(documents, 1):
        console.show(f"{index}: {document.machine.cpu}, {document.made.at}")
    for warning in comparison_warnings(documents):
        console.show(f"note: {warning}")


def _write(out: Path, documents: "Sequence[Document]", others: "list[ForeignRow]") -> None:
    from cnnedge.report.pages import write_comparison, write_report

    if len(documents) > 1:
        write_comparison(out, documents)
    else:
        write_report(out, documents[0], foreign=others)
