"""The script for one round: every step has its line, and a pace."""

import re


def test_every_step_has_a_pace(run_script):
    done = run_script("augmentation_speed.py", "--size", 16, "--batch", 8, "--rounds", 1)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.split()[:2] == ["images/s", "step,"]
    assert all(re.fullmatch(r" *[1-9][\d,]*  (ours|Keras): \w.*", line) for line in lines)
    assert [line.split("  ")[-1].split(":")[0] for line in lines] == ["ours"] * 8 + ["Keras"] * 7
