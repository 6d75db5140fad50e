import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnedge.benchmark import memory
from cnnedge.benchmark.notes import notes
from cnnedge.machine import hardware
from tests.support import documents


def test_the_facts_are_those_of_this_machine():
    facts = hardware.machine_facts()
    assert facts.cores == os.cpu_count() and facts.arch == platform.machine() and facts.cpu
    assert facts.packages["numpy"] == np.__version__
    with Path("/proc/cpuinfo").open() as stream:
        present = next(set(line.split(":")[1].split()) for line in stream if line.startswith(("flags", "Features")))
    assert set(facts.cpu_flags) == present & set(hardware.FLAGS)


def test_a_raspberry_pis_cpuinfo_is_understood(monkeypatch):
    cpuinfo = (
        "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 asimddp\nCPU part\t: 0xd0b\n\n"
        "Hardware\t: BCM2835\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
    )
    answers = {"/proc/cpuinfo": cpuinfo, "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}
    monkeypatch.setattr(hardware, "_read", lambda path: answers.get(str(path)))
    facts = hardware.machine_facts()
    assert facts.cpu == "Raspberry Pi 5 Model B Rev 1.0" and facts.cpu_flags == ["asimd", "asimddp"]
    assert facts.governor is None and facts.virtual is False


def test_conditions_are_what_happened_between_two_readings():
    before = hardware.Load(at=100, busy=0.1, steal_s=5, load_1min=1.5, temperature_c=50, throttled=False, mhz=1500)
    after = replace(before, at=110, steal_s=6, temperature_c=70, throttled=True, mhz=900)
    found = hardware.conditions(before, after)
    assert found["steal"] == pytest.approx(1 / (10 * os.cpu_count()), abs=1e-4)
    assert found["temperature_c"] == [50, 70] and found["throttled"] and found["mhz"] == [1500, 900]


@pytest.mark.parametrize(
    ("condition", "note"),
    [
        ({"steal": 0.2}, "the hypervisor took 20%"),
        ({"busy_before": 0.5}, "50% of it was busy"),
        ({"throttled": True}, "slowed itself down"),
    ],
)
def test_a_noisy_machine_is_told(condition, note):
    conditions = replace(documents.MACHINE.conditions, **condition)
    document = documents.document(machine=replace(documents.MACHINE, conditions=conditions))
    assert any(note in found for found in document.notes)
    assert not any(note in found for found in documents.document().notes)


def test_rounds_that_spread_are_told_by_name():
    document = documents.document()
    rows = [*document.rows]
    rows[2] = replace(rows[2], round_spread=0.2)
    (note,) = [note for note in notes(replace(document, rows=rows)) if "spread" in note]
    assert "the rounds of net_float32.tflite spread by more than 10%" in note


def test_the_peak_counts_from_its_reset():
    """In a fresh process: a block of 80 MB that is gone before the reset does not count, one of 40 MB after
    does."""
    script = (
        "import numpy as np\nfrom cnnedge.benchmark import memory\n"
        "block = np.ones(80_000_000, np.uint8)\ndel block\n"
        "resting = memory.resting_bytes()\nmemory.reset_peak()\n"
        "block = np.ones(40_000_000, np.uint8)\ndel block\n"
        "print(memory.peak_bytes() - resting)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # Pages of 4 KiB and what numpy itself allocates: within 2 MB.
    assert int(done.stdout) == pytest.approx(40_000_000, abs=2_000_000)
    assert memory.resting_bytes() <= memory.peak_bytes() + 1_000_000
