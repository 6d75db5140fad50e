"""``cnnedge report`` on documents that are written down: two runs compared, and wrong requests."""

from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge.cli.app import run
from tests.support import documents


@pytest.fixture
def runs(tmp_path) -> tuple[str, str]:
    """A file that takes 1 ms, and 1.2 ms after a change."""
    paths = tmp_path / "before.json", tmp_path / "after.json"
    for path, milliseconds in zip(paths, (1.0, 1.2), strict=True):
        documents.document(documents.measurement("net_int8.tflite", milliseconds, 0)).write(path)
    return str(paths[0]), str(paths[1])


def test_a_slower_run_is_named_and_the_gate_closes(runs, capsys):
    assert run(["report", *runs, "--compare"]) == 0
    shown = capsys.readouterr().out
    assert "+20.0 %" in shown and "slower" in shown
    assert run(["report", *runs, "--compare", "--fail-slower", "5"]) == 3
    assert "error: slower by more than 5 %: net_int8.tflite by 20.0 %" in capsys.readouterr().err
    assert run(["report", *runs, "--compare", "--fail-slower", "25"]) == 0
    assert run(["report", runs[0], runs[0], "--compare", "--fail-slower", "0"]) == 0
    assert "no difference shown" in capsys.readouterr().out


def test_wide_shows_cold_start_and_memory(runs, capsys):
    assert run(["report", runs[0], "--wide"]) == 0
    assert "cold ms" in capsys.readouterr().out
    assert run(["report", runs[0], "--wide", "--markdown"]) == 0
    assert "| cold ms | MB | delegated |" in capsys.readouterr().out


def test_a_folder_stands_for_its_benchmark(tmp_path, capsys):
    documents.document().write(tmp_path / "benchmark.json")
    assert run(["report", str(tmp_path)]) == 0
    assert "net_int8.tflite" in capsys.readouterr().out
    (tmp_path / "other").mkdir()
    assert run(["report", str(tmp_path / "other")]) == 1
    assert "other holds no benchmark.json: run cnnedge benchmark" in capsys.readouterr().err


def test_a_folder_of_nearly_that_name_is_named(tmp_path, capsys):
    folder = tmp_path / "mnist"
    folder.mkdir()
    documents.document().write(folder / "benchmark.json")
    assert run(["report", str(tmp_path / "mnst")]) == 1
    assert capsys.readouterr().err.strip() == (f"error: {tmp_path}/mnst does not exist; did you mean {tmp_path}/mnist?")
    assert run(["report", str(tmp_path / "elsewhere")]) == 1
    assert "did you mean" not in capsys.readouterr().err


def test_other_machines_and_files_are_said(runs, capsys):
    from cnnedge.documents import read_document

    after = read_document(Path(runs[1]))
    replace(after, settings=replace(after.settings, threads=2)).write(Path(runs[1]))
    assert run(["report", *runs, "--compare"]) == 0
    assert "not measured with the same number of threads" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{before}", "--compare"], "--compare takes two files, the run before and the run after, not 1"),
        (["{before}", "{after}", "--fail-slower", "5"], "--fail-slower PCT goes with --compare"),
        (["{before}", "{after}", "--compare", "--fail-slower", "-1"], "takes percent, 0 or more"),
    ],
)
def test_wrong_requests_are_one_line(runs, options, message, capsys):
    assert run(["report", *(option.format(before=runs[0], after=runs[1]) for option in options)]) == 2
    assert message in capsys.readouterr().err
