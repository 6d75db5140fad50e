"""``cnnedge benchmark``: how right, how large and how fast each file is, beside the float Keras baseline."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.located import picture_of
from cnnedge.cli.options import (
    Baseline,
    Data,
    Labels,
    Layers,
    Limit,
    Margin,
    MaxBad,
    Mean,
    NumRuns,
    Overwrite,
    Power,
    Std,
    Sustained,
    Test,
    Threads,
    Throughput,
    Wide,
)  # fmt: skip
from cnnedge.errors import CnnedgeError, UsageError
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    from cnnedge.benchmark.candidate import Asked, Candidate
    from cnnedge.data import Split
    from cnnedge.documents import Document


def benchmark(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH..", help="Exported files, .keras files, folders of them, and phones' .json."),
    ],
    data: Data = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    limit: Limit = None,
    device: Annotated[str, typer.Option(metavar="cpu|gpu", help="Where to run; gpu never means the CPU.")] = "cpu",
    threads: Threads = 1,
    num_runs: NumRuns = 200,
    warmup_runs: Annotated[int, typer.Option(min=0, metavar="N", help="Calls before, at least.")] = 10,
    baseline: Baseline = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    sustained: Sustained = 0.0,
    layers: Layers = False,
    throughput: Throughput = False,
    power: Power = None,
    margin: Margin = 0.5,
    wide: Wide = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the report here.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure files side by side: accuracy, size, latency, memory.

    Every file runs in a process of its own on the same test images.
    Accuracy comes with its uncertainty and a verdict against the float Keras
    model; latency is that of single images, measured in interleaved rounds.

    For one folder, benchmark.json and report.html are written into it
    (kept as they are if they exist, unless --overwrite is given).
    A row without figures says why, and the exit code is 1. What a phone
    measured of the same files (demo/<device>.json) is taken over as rows.
    Energy, above idle, is measured by RAPL (for root), or a meter (--power).

    Examples:

      cnnedge benchmark exported/cifar10

      cnnedge benchmark mine.tflite theirs.onnx --data cifar10 --limit 2000

      cnnedge benchmark exported/mnist --threads 4 --report four-threads.html

      cnnedge benchmark theirs.tflite --data cifar10 --mean 127.5 --std 127.5

      cnnedge benchmark exported/cifar10/cifar10_int8_qat.tflite --sustained 10

      cnnedge benchmark exported/cifar10/cifar10_int8.tflite --layers
    """
    if margin <= 0:
        raise UsageError(f"--margin is {margin:g}, expected more than 0 percentage points")
    if sustained < 0:
        raise UsageError(f"--sustained is {sustained:g}, expected minutes, more than 0")
    if device not in ("cpu", "gpu"):
        raise UsageError(f"--device is {device!r}, expected cpu or gpu")
    from cnnedge.benchmark.candidate import Asked
    from cnnedge.documents import split_runs, with_runs
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.labels import asked_labels
    from cnnedge.machine.energy import read_power_log

    if power is not None:
        read_power_log(power)
    asked = Asked(asked_normalization(mean, std), asked_labels(labels))
    runs, paths = split_runs(paths)
    json_file, report = _outputs(paths, json_file, report, overwrite=overwrite)
    exported, keras = _split(paths)
    keras = _keras_files(paths, keras, baseline)
    candidates = _candidates(exported, keras, device, asked)
    from cnnedge.benchmark import gpu, session
    from cnnedge.benchmark.plan import Plan
    from cnnedge.data import FolderOptions, evenly_spaced
    from cnnedge.scoring.testdata import choose_dataset

    options = FolderOptions(asked.labels, test, max_bad / 100)
    plan = Plan(
        num_runs, warmup_runs, threads, sustained_s=60 * sustained, margin_pp=margin, layers=layers, power=power,
        throughput=throughput,
    )  # fmt: skip
    if device == "gpu":
        for answer in gpu.require_gpu(candidates):
            console.say(f"--device gpu: {answer}")
    with console.progress() as progress:
        dataset = choose_dataset(data, exported, keras, options=options, progress=progress)
        split = evenly_spaced(dataset.test, limit)
        document = session.benchmark(
            candidates, split, session.data_facts(dataset, split), plan, baseline=keras[0].name if keras else None,
            paths=[*paths, *([baseline] if baseline else [])], progress=progress,
        )  # fmt: skip
    document = with_runs(document, runs)
    from cnnedge.report.table import print_table

    print_table(document, wide=wide)
    if document.has_figures:
        _write(document, json_file, report, split)
    elif json_file or report:
        console.say("nothing was measured, and nothing is written")
    _fail_if_incomplete(document)
    if json_file is not None:
        console.next_step("cnnedge", "report", json_file, "--markdown")
    elif exported:
        said = {"--mean": mean, "--std": std, "--labels": labels}
        told = [word for option, value in said.items() if value for word in (option, value)]
        console.next_step("cnnedge", "predict", exported[0], picture_of(split), *told)


def _candidates(exported: list[Path], keras: list[Path], device: str, asked: "Asked") -> "list[Candidate]":
    """One candidate per exported file, after three per Keras file.

    Raises:
        UsageError: there is no file for what was ``asked``.
    """
    from cnnedge.benchmark.candidate import candidates_for

    found: list[Candidate] = []
    for file in keras:
        from cnnedge.model.baseline import baseline_candidates

        found += baseline_candidates(file, device=device)
    others = candidates_for(exported, device=device, asked=asked)
    readable = [one for one in others if one.preprocessing]
    fed = [one for one in readable if one.preprocessing and one.preprocessing.source != "passport"]
    named = [one for one in readable if one.labels == asked.labels]
    if readable and ((asked.normalization and not fed) or (asked.labels and not named)):
        raise UsageError(
            "--mean, --std and --labels are for files without a passport, and each of these says what to feed it"
        )
    return found + others


def _fail_if_incomplete(document: "Document") -> None:
    """Raise if a row has no figures, after everything was shown and kept."""
    if document.interrupted:
        load = document.sustained
        done = f"; {load.seconds:.0f} of {60 * load.minutes:.0f} s of sustained load" if load else ""
        raise CnnedgeError(f"interrupted: {len(document.failed)} of {len(document.rows)} rows were not finished{done}")
    from cnnedge.documents import fail_if_any

    fail_if_any({}, document)


def _outputs(
    paths: list[Path], json_file: Path | None, report: Path | None, *, overwrite: bool
) -> tuple[Path | None, Path | None]:
    """Where to write, checked before the long work: what was asked for, or beside the files of one folder."""
    from cnnedge.report.pages import report_packages_installed, require_report_packages

    asked = [path for path in (json_file, report) if path is not None]
    refuse_existing(asked, overwrite=overwrite)
    check_writable(*asked)
    for path in asked:
        if path.is_dir():
            raise CnnedgeError(f"{path} is a folder: expected a file to write")
    if report is not None:
        require_report_packages()
    if len(paths) != 1 or not paths[0].is_dir():
        return json_file, report
    json_file = json_file or _default_output(paths[0] / "benchmark.json", "--json", overwrite)
    if report is None and not report_packages_installed():
        console.say("report.html is left out: it needs pip install 'cnnedge[report]'")
        return json_file, None
    return json_file, report or _default_output(paths[0] / "report.html", "--report", overwrite)


def _default_output(path: Path, option: str, overwrite: bool) -> Path | None:
    if path.exists() and not overwrite:
        console.say(f"{path} exists and is kept: --overwrite replaces it, {option} FILE writes elsewhere")
        return None
    if not os.access(path.parent, os.W_OK):
        console.say(f"{path} cannot be written and is left out: {option} FILE writes elsewhere")
        return None
    return path


def _split(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The exported files and the Keras files that were named."""
    from cnnedge.benchmark.candidate import exported_files

    keras = [path for path in paths if path.suffix == ".keras"]
    exported = [file for path in paths if path not in keras for file in exported_files(path)]
    return exported, keras


def _keras_files(paths: list[Path], keras: list[Path], baseline: Path | None) -> list[Path]:
    """The Keras files to measure, the baseline first: the one asked for, the one named, or the folder's
    own."""
    if baseline is not None:
        return [baseline, *(path for path in keras if path != baseline)]
    if keras:
        return keras
    found = [path for folder in paths if folder.is_dir() for path in _folders_baseline(folder)][:1]
    if found and not all(find_spec(package) for package in ("keras", "tensorflow")):
        console.say(f"{found[0]} is left out: Keras is not installed (pip install 'cnnedge[build]')")
        return []
    return found


def _folders_baseline(folder: Path) -> list[Path]:
    """``<model>.keras`` of a folder ``OUT/<model>/``, or the only .keras file there."""
    own = folder / f"{folder.resolve().name}.keras"
    found = list(folder.glob("*.keras"))
    return [own] if own.is_file() else found if len(found) == 1 else []


def _write(document: "Document", json_file: Path | None, report: Path | None, test: "Split") -> None:
    from cnnedge.report.pages import write_report

    if json_file is not None:
        document.write(json_file)
    if report is not None:
        history = report.parent / "history.csv"
        write_report(report, document, images=test, history=history if history.is_file() else None)
    for written in filter(None, (json_file, report)):
        console.show(f"written: {written}")
