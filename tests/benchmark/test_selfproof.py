import subprocess
import sys
from pathlib import Path

import numpy as np

from cnnedge.benchmark import selfproof
from cnnedge.benchmark.field import same_calls_ms


def test_the_overhead_stays_below_its_limit():
    proof = selfproof.prove_overhead()
    assert proof.passed, proof.found


def test_planted_differences_get_their_verdicts():
    proofs = list(selfproof.prove_verdicts())
    assert len(proofs) == len(selfproof.PLANTED)
    assert all(proof.passed for proof in proofs), [proof for proof in proofs if not proof.passed]


def test_the_short_form_of_the_script(model_folder):
    """What it finds of the machine's timings depends on the machine's quiet; that it finds something does not, and
    nothing else depends on it."""
    script = Path(__file__).parents[2] / "scripts" / "benchmark_selfproof.py"
    command = [sys.executable, str(script), str(model_folder / "digits_float32.tflite"), "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert [line.split(maxsplit=1)[1].partition(":")[0] for line in lines] == [
        "A/A", "slow-down", "overhead", *(name for name in map(_planted_name, selfproof.PLANTED)),
        "the field, digits_float32.tflite",
    ]  # fmt: skip
    assert done.returncode == (1 if any(line.startswith("FAIL") for line in lines) else 0), done.stderr
    timed = [line for line in lines if not line.split()[1].startswith(("A/A", "slow-down", "the"))]
    assert all(line.startswith("pass") for line in timed), timed


def _planted_name(planted: selfproof.Planted) -> str:
    return f"drop of {planted.drop_pp:g} points, {planted.images:,} images"


def test_onnx_runtimes_own_clock_agrees(model_folder):
    """Both clocks time the same calls; a call of this network takes 10 us, of which Python's part, which only this
    clock sees, is half: so only the order is held here, the 5 % by the script on networks of a real size."""
    ours, theirs = same_calls_ms(model_folder / "digits_float32.onnx")
    assert len(ours) == len(theirs) and (theirs > 0).all()
    # The profile counts whole microseconds.
    assert (ours > theirs - 0.001).all() and np.median(ours - theirs) < 0.1


def test_a_slowed_runner_takes_longer_by_its_share(model_folder):
    from cnnedge.benchmark.worker import time_calls
    from cnnedge.runtime.opening import open_runner

    source = str(model_folder / "digits_float32.tflite")
    with open_runner(source) as plain, selfproof.open_slowed(source, share=2.0) as slowed:
        batch = plain.prepare(np.zeros((1, 28, 28, 1), np.uint8))
        # The smallest of many: what else the machine does only ever adds.
        smallest = [np.min(time_calls(runner.run, [batch] * 500, seconds=5)) for runner in (plain, slowed)]
        assert (plain.run(batch) == slowed.run(batch)).all()
    # Twice as long again: 3 times in all; the waiting loop overshoots by less than a clock reading.
    assert 2 < smallest[1] / smallest[0] < 5
