from cnnedge.benchmark import selfproof


def test_the_overhead_stays_below_its_limit():
    proof = selfproof.prove_overhead()
    assert proof.passed, proof.found


def test_planted_differences_get_their_verdicts():
    proofs = list(selfproof.prove_verdicts())
    assert len(proofs) == len(selfproof.PLANTED)
    assert all(proof.passed for proof in proofs), [proof for proof in proofs if not proof.passed]


def test_the_checks_of_latency_and_of_the_field_run_on_a_real_file(model_folder):
    """One pair of processes: what they find depends on the machine's quiet, that they find something does
    not."""
    file = model_folder / "digits_float32.tflite"
    winner, slow_down = selfproof.prove_latency(file, runs=1)
    assert winner.name == "A/A" and "of 1 (at most 1)" in winner.found
    assert slow_down.name == "slow-down" and "of 1" in slow_down.found
    assert "litert-benchmark" in selfproof.prove_field(file).found


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
