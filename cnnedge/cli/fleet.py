"""``cnnedge fleet``: the benchmark on many boards over the user's own ssh, and their figures side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Layers, Limit, NumRuns, Overwrite, Sustained, Threads
from cnnedge.errors import CnnedgeError, UsageError
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    from cnnedge.documents import FleetRun


def fleet(
    hosts: Annotated[Path, typer.Argument(metavar="HOSTS", help="A text: a host a line, as ssh knows it.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE..", help="Exported files, or folders of them.")],
    data: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="A dataset the boards load, or pictures that are copied.")
    ] = None,
    limit: Limit = None,
    threads: Threads = 1,
    num_runs: NumRuns = 200,
    layers: Layers = False,
    sustained: Sustained = 0.0,
    ssh: Annotated[str, typer.Option(metavar="COMMAND", help="How to reach them, with options.")] = "ssh",
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the report here.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure files on many boards at once, over ssh.

    Every board needs the light install and a host key and login that work
    without a question: what `ssh HOST` does, with your keys and ~/.ssh/config.
    A line of HOSTS is a host, and after it how cnnedge starts there, if that
    is not `cnnedge`: pi@kitchen  ~/cnnedge/.venv/bin/cnnedge

    The files (and --data, if it lies here) are copied into a folder that is
    removed afterwards. A board that fails is named with its reason, the
    others are shown, and the exit code is 1. After Ctrl-C too: what boards
    have measured is kept, and nothing goes on or stays on the others.

    Examples:

      cnnedge fleet boards.txt exported/mnist --report boards.html

      cnnedge fleet boards.txt mine.tflite --data photos/ --limit 500
    """
    from cnnedge.benchmark.candidate import exported_files
    from cnnedge.benchmark.fleet.hosts import read_hosts
    from cnnedge.benchmark.fleet.over_ssh import measure_boards
    from cnnedge.benchmark.fleet.parcel import Parcel
    from cnnedge.documents import FleetRun
    from cnnedge.report.pages import require_report_packages

    boards = read_hosts(hosts)
    wanted = [path for path in (json_file, report) if path is not None]
    refuse_existing(wanted, overwrite=overwrite)
    check_writable(*wanted)
    if report is not None:
        require_report_packages()
    chosen = [file for path in files for file in exported_files(path)]
    if not ssh.strip():
        raise UsageError("--ssh is empty, expected a command such as 'ssh -p 2222'")
    options = ["--num-runs", str(num_runs), "--threads", str(threads), "--sustained", str(sustained)]
    options += ["--limit", str(limit)] if limit is not None else []
    options += ["--layers"] if layers else []
    with console.progress() as progress:
        found = FleetRun(measure_boards(boards, Parcel(chosen, data, options), ssh=ssh, progress=progress))
    _show(found)
    _write(found, json_file, report)
    _fail_if_incomplete(found)
    if json_file is not None:
        console.next_step("cnnedge", "report", json_file)


def _show(found: "FleetRun") -> None:
    """p50 of every file on every board, and what to mind."""
    from rich.console import Console

    from cnnedge.report import table
    from cnnedge.report.pages import comparison_warnings

    documents = list(found.measured.values())
    if documents:
        Console(highlight=False).print(table.machines_table(documents))
    for number, (host, document) in enumerate(found.measured.items(), 1):
        console.show(f"{number}: {host}, {document.machine.cpu}, {document.data.images:,} images")
    for warning in comparison_warnings(documents):
        console.show(f"note: {warning}")
    for host, document in found.measured.items():
        console.show(*(f"failed: {row.label} on {host}: {row.error}" for row in document.failed))
    console.show(*(f"failed: {host}: {reason}" for host, reason in found.failures.items()))


def _write(found: "FleetRun", json_file: Path | None, report: Path | None) -> None:
    from cnnedge.report.pages import write_comparison

    if not found.measured:
        return
    if json_file is not None:
        found.write(json_file)
        console.show(f"written: {json_file}")
    if report is not None:
        write_comparison(report, list(found.measured.values()), list(found.measured), found.failures)
        console.show(f"written: {report}")


def _fail_if_incomplete(found: "FleetRun") -> None:
    """Raises:
    CnnedgeError: a board, or a file on one, has no figures; everything else was shown and kept.
    """
    failed = list(found.failures)
    failed += [f"{row.label} on {host}" for host, document in found.measured.items() for row in document.failed]
    if failed:
        raise CnnedgeError(f"no figures of {', '.join(failed)}: see above why")
