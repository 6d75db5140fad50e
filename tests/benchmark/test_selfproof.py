from cnnedge.benchmark import selfproof
from cnnedge.benchmark.field import profiled_medians_ms


def test_the_overhead_stays_below_its_limit():
    proof = selfproof.prove_overhead()
    assert proof.passed, proof.found


def test_planted_differences_get_their_verdicts():
    proofs = list(selfproof.prove_verdicts())
    assert len(proofs) == len(selfproof.PLANTED)
    assert all(proof.passed for proof in proofs), [proof for proof in proofs if not proof.passed]


def test_the_short_form_runs_on_real_files(model_folder):
    """One comparison: what it finds depends on the machine's quiet, that it finds something does not."""
    file = model_folder / "digits_float32.tflite"
    winner, slow_down = selfproof.prove_latency(file, runs=1)
    assert winner.name == "A/A" and "of 1 (at most 1); it differed from itself by" in winner.found
    assert slow_down.name == "slow-down" and "of 1" in slow_down.found
    assert "litert-benchmark" in selfproof.prove_field(file).found


def test_onnx_runtimes_own_clock_agrees(model_folder):
    """Both clocks time the same calls; a call of this network takes 10 us, of which Python's part, which only this
    clock sees, is half: so only the order is held here, the 5 % by the script on networks of a real size."""
    ours, theirs = profiled_medians_ms(model_folder / "digits_float32.onnx")
    assert 0 < theirs <= ours < theirs + 0.1


def test_a_slowed_runner_takes_longer_by_its_share(model_folder):
    import numpy as np

    from cnnedge.benchmark.worker import time_calls
    from cnnedge.runtime.runner import open_runner

    source = str(model_folder / "digits_float32.tflite")
    with open_runner(source) as plain, selfproof.open_slowed(source, share=2.0) as slowed:
        batch = plain.prepare(np.zeros((1, 28, 28, 1), np.uint8))
        # The smallest of many: what else the machine does only ever adds.
        smallest = [np.min(time_calls(runner.run, [batch] * 500, seconds=5)) for runner in (plain, slowed)]
        assert (plain.run(batch) == slowed.run(batch)).all()
    # Twice as long again: 3 times in all; the waiting loop overshoots by less than a clock reading.
    assert 2 < smallest[1] / smallest[0] < 5
