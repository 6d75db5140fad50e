"""Two runs of the same files: a planted regression is found, the same file is not, and what stands in one run only."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnedge.documents import Samples, read_document
from cnnedge.errors import GateError
from cnnedge.report.changes import changes, refuse_slower
from tests.support import documents

# What this project's own runs show on a shared virtual machine: starts differ by 1.5 %, rounds of one start by 2 %.
START, ROUND = 0.015, 0.02


def run(generator: np.random.Generator, factor: float):
    """A document with one file: five starts of four rounds of ten calls, ``factor`` ms each."""
    document = documents.document(documents.measurement("net_int8.tflite", 1, 0))
    starts = np.repeat(np.exp(generator.normal(0, START, 5)), 4)
    medians = factor * starts * np.exp(generator.normal(0, ROUND, 20))
    calls = (1e6 * medians[:, None] * np.ones(10)).astype(int).tolist()
    row = replace(document.rows[0], samples_ns=Samples(calls, calls, [index // 4 for index in range(20)]))
    return replace(document, rows=[row])


def failures(factor: float, percent: float) -> int:
    """In how many of 100 pairs of runs the gate closes."""
    generator, closed = np.random.default_rng(0), 0
    for _ in range(100):
        try:
            refuse_slower(changes(run(generator, 1.0), run(generator, factor)), percent)
        except GateError as error:
            assert str(error).startswith(f"slower by more than {percent:g} %: net_int8.tflite by ")
            closed += 1
    return closed


def test_a_planted_regression_fails_and_the_same_file_does_not():
    assert failures(1.10, 5) >= 95
    assert failures(1.0, 5) <= 5


SHIPPED = Path(__file__).parents[2] / "exported"


def resampled(generator: np.random.Generator, measured: Samples, factor: float):
    """A document with one file whose five starts are drawn from those of a real run, ``factor`` times as long.

    Five drawn from five differ less than five new ones, by the square root of 4/5: their distances are as much larger.
    """
    logs, starts = np.log(np.array(measured.call, float)), np.array(measured.process)
    by_start = np.stack([logs[starts == start] for start in np.unique(starts)])
    middle = np.median(logs)
    drawn = middle + np.sqrt(5 / 4) * (by_start[generator.integers(0, 5, 5)] - middle)
    calls = (factor * np.exp(drawn)).astype(int).reshape(20, -1).tolist()
    document = documents.document(documents.measurement("net_int8.tflite", 1, 0))
    samples = Samples(calls, calls, [index // 4 for index in range(20)])
    return replace(document, rows=[replace(document.rows[0], samples_ns=samples)])


def test_so_do_runs_with_the_noise_of_the_shipped_measurements():
    """Each of 100 trials takes the starts of one shipped file, whose calls were timed on a shared virtual machine."""
    shipped = [read_document(path) for path in sorted(SHIPPED.glob("*/benchmark.json"))]
    measured = [row.samples_ns for document in shipped for row in document.rows if row.format != "keras"]
    generator, slower, same = np.random.default_rng(0), 0, 0
    for number in generator.integers(0, len(measured), 100):
        before, again, after = (resampled(generator, measured[number], factor) for factor in (1, 1, 1.1))
        slower += refused(before, after)
        same += refused(before, again)
    assert slower >= 95 and same <= 5


def refused(before, after) -> bool:
    try:
        refuse_slower(changes(before, after), 5)
    except GateError:
        return True
    return False


def test_what_is_in_one_run_only_and_what_has_one_start_is_no_verdict():
    before, after = documents.document(), documents.document(documents.measurement("new_int8.tflite", 1, 0))
    found = {one.label: one for one in changes(before, after)}
    assert found["net_int8.tflite"].verdict == found["new_int8.tflite"].verdict == "not in both"
    assert found["net_int8.tflite"].percent is None
    single = run(np.random.default_rng(0), 1.0)
    samples = replace(single.rows[0].samples_ns, process=[0] * 20)
    single = replace(single, rows=[replace(single.rows[0], samples_ns=samples)])
    assert [one.verdict for one in changes(single, single)] == ["too few starts"]


def test_faster_is_no_failure():
    generator = np.random.default_rng(1)
    (one,) = changes(run(generator, 1.0), run(generator, 0.5))
    assert one.verdict == "faster" and one.percent == pytest.approx(-50, abs=3)
    refuse_slower([one], 0)
