"""The script on few images: its figures are those of a busy moment, its form is checked."""

import re


def test_one_round_of_the_smallest_network(run_script):
    done = run_script("training_speed.py", "mnist-tiny", "--images", 512, "--rounds", 1, "--half")
    found = re.fullmatch(
        r"mnist-tiny on tensorflow: bare ([\d,]+) images/s, recipe ([\d,]+) images/s, "
        r"in bfloat16 [1-9][\d,]* images/s, ratio ([\d.]+) \(least 0\.9\), "
        r"(\d+) s an epoch of ([\d,]+)\n",
        done.stdout,
    )
    assert found, done.stderr
    bare, recipe, epoch, images = (int(found[group].replace(",", "")) for group in (1, 2, 4, 5))
    ratio = float(found[3])
    # All are rounded to their last digit.
    assert abs(recipe / bare - ratio) <= 0.006 + 1 / bare
    assert abs(images / recipe - epoch) <= 0.5 + images / recipe**2
    assert done.returncode == int(ratio < 0.9) or ratio == 0.9  # shown for 0.895, too
