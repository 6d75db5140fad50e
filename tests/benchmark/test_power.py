"""Energy per inference with real worker processes: a meter whose readings are written down meanwhile, and RAPL."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge.benchmark import power
from cnnedge.benchmark.measurement import Drawn, Measurement
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.machine import energy as machine_energy
from cnnedge.report import pages, table
from tests.support import documents
from tests.support.lookup_runners import facts

QUICK = Plan(num_runs=4, warmup_runs=1)
IDLE_W, BUSY_W = 2.0, 3.5


class Meter:
    """A power meter that knows from the progress whether a file is running, and writes 50 readings a second."""

    def __init__(self, write) -> None:
        self.write, self.busy, self.done = write, False, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def progress(self, stage, done, total):
        if stage.startswith("energy"):
            self.busy = stage == "energy, busy" and done < total

    def _run(self):
        while not self.done.wait(0.02):
            self.write(time.time(), BUSY_W if self.busy else IDLE_W)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.done.set()
        self.thread.join()


def test_a_meters_log_gives_the_energy_above_idle(split, lookup, tmp_path, monkeypatch):
    monkeypatch.setattr(power, "WITH_LOG", power.Spans(idle=2.0, busy=2.0))
    log = tmp_path / "meter.csv"
    log.write_text("timestamp,watts\n")

    def write(at, watts):
        with log.open("a") as stream:
            stream.write(f"{at},{watts}\n")

    with Meter(write) as meter:
        plan = replace(QUICK, power=log)
        document = benchmark(
            [lookup("x.tflite", microseconds=2000)], split, facts(split), plan, progress=meter.progress
        )  # fmt: skip
    (row,) = document.rows
    assert (row.power.source, row.power.idle_w) == ("meter.csv", IDLE_W)
    assert row.power.busy_w == pytest.approx(BUSY_W, rel=0.01) and row.power.call_ms >= 2
    assert row.energy_mj == pytest.approx((BUSY_W - IDLE_W) * row.power.call_ms, rel=0.02)
    assert "| mJ |" in table.markdown(document, wide=True) and "--power meter.csv" in pages.render(document)
    assert "energy of one inference (meter.csv; 2 to 2 W of an idle machine subtracted): x.tflite" in "\n".join(
        table.footnotes(document)
    )


def test_rapl_is_read_where_it_can_be(split, lookup, tmp_path, monkeypatch):
    monkeypatch.setattr(power, "WITH_RAPL", power.Spans(idle=0.5, busy=0.5))
    monkeypatch.setattr(machine_energy, "POWERCAP", tmp_path)
    package, used = tmp_path / "intel-rapl:0", [0.0, time.time()]
    package.mkdir()

    def write(at, watts):
        used[:] = [used[0] + watts * (at - used[1]), at]
        new = package / "new"  # a reader never finds half a number
        new.write_text(str(round(1e6 * used[0])))
        new.rename(package / "energy_uj")

    write(time.time(), 0)
    (package / "name").write_text("package-0")
    (package / "max_energy_range_uj").write_text("262143328850")
    with Meter(write) as meter:
        document = benchmark([lookup("x.tflite")], split, facts(split), QUICK, progress=meter.progress)
    (row,) = document.rows
    assert row.power.source.startswith("RAPL")
    # The meter writes each 0.02 s, here and there later on a busy machine.
    assert IDLE_W * 0.5 < row.power.idle_w < row.power.busy_w < 1.5 * BUSY_W
    assert row.energy_mj == pytest.approx(row.power.energy_mj, abs=1e-6)


def test_nothing_is_estimated(split, lookup, tmp_path, monkeypatch):
    monkeypatch.setattr(machine_energy, "POWERCAP", tmp_path)
    document = benchmark([lookup("x.tflite")], split, facts(split), QUICK)
    assert document.rows[0].energy_mj is None and "mJ" not in table.markdown(document, wide=True)
    assert "energy_mj" not in Path(_written(document, tmp_path)).read_text()


def _written(document, folder):
    document.write(folder / "benchmark.json")
    return folder / "benchmark.json"


def test_a_machine_that_draws_no_more_than_idle_has_no_figure(tmp_path):
    one = Measurement(documents.measurement("x.tflite", 1, 0).candidate, drawn=Drawn([0, 2, 4], 1.0, [5.0, 4.0]))
    assert power.power_figures([one], None) == ([None], ["No energy of x.tflite: 4 W while busy, 5 W idle before."])
    log = tmp_path / "meter.csv"
    log.write_text("1000,5\n")
    (absent,), (note,) = power.power_figures([one], log)
    assert absent is None and note.startswith("No energy: meter.csv has 0 readings for 2 s of the measurement")
