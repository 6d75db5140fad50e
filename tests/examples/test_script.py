import argparse

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cnnedge.data import ArraySplit, Dataset, pixels_of
from cnnedge.errors import DataError, UsageError
from cnnedge.examples import script
from cnnedge.training.recipes import recipe


def test_options_and_their_defaults():
    options = script.argument_parser("about", out="runs/here").parse_args(["--limit", "50"])
    assert (str(options.out), options.limit, options.epochs, options.model) == ("runs/here", 50, None, None)


@pytest.mark.parametrize("value", ["0", "-3", "many", "1.5"])
def test_counts_are_whole_and_positive(value, capsys):
    with pytest.raises(SystemExit) as stop:
        script.argument_parser("about", out="runs").parse_args([f"--epochs={value}"])
    assert stop.value.code == 2
    assert f"{value} is not a whole number of at least 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "kind, value", [*((script.seed, text) for text in ("-1", "4294967296", "one")),
                    *((script.factor, text) for text in ("nan", "inf", "0", "-1", "half"))],
)  # fmt: skip
def test_seeds_and_factors_that_no_training_takes(kind, value):
    with pytest.raises(argparse.ArgumentTypeError, match=f"{value} is not a (whole )?number"):
        kind(value)
    assert (script.seed("4294967295"), script.factor("0.5")) == (4294967295, 0.5)


def test_quick_recipe_is_the_packages_own_for_many_images():
    assert script.quick_recipe("mnist", 57_500) == recipe("mnist", "quick")


def test_quick_recipe_suits_few_images():
    quick = script.quick_recipe("mnist", 400, epochs=2)
    # 400 images in batches of 8 are 50 steps an epoch, 100 in all; a tenth is 10 steps, a momentum of 1 - 1/10. The
    # recipe's rate is 0.2 for batches of 128.
    assert (quick.epochs, quick.batch_size, quick.ema_momentum) == (2, 8, 0.9)
    assert quick.peak_learning_rate == pytest.approx(0.2 * 8 / 128)


def test_limit_leaves_calibration_as_it_is():
    split = ArraySplit(np.arange(20 * 4, dtype=np.uint8).reshape(20, 2, 2, 1), np.zeros(20, np.int64))
    data = Dataset("tiny", ("a", "b"), split, split, split, split, "folder", False, "", 0)
    few = script.limited(data, 5)
    assert [len(part) for part in (few.train, few.validation, few.calibration, few.test)] == [5, 5, 20, 5]
    assert np.array_equal(pixels_of(few.test), pixels_of(split, 5))
    assert script.limited(data, None) is data and len(script.limited(data, 99).train) == 20


def test_picture_is_written_and_named(tmp_path, capsys):
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1])
    script.save(figure, tmp_path / "new" / "line.png", show=False)
    assert capsys.readouterr().out == f"picture: {tmp_path / 'new' / 'line.png'}\n"
    assert Image.open(tmp_path / "new" / "line.png").size == (220, 110)


@pytest.mark.parametrize(
    "failure, code, line",
    [
        (UsageError("what came"), 2, "error: what came"),
        (DataError("what came"), 1, "error: what came"),
        (PermissionError(13, "Permission denied", "out"), 1, "error: Permission denied: out"),
        (KeyboardInterrupt(), 1, "error: interrupted; the next run goes on from here"),
    ],
)
def test_failures_become_one_line_and_a_code(failure, code, line, capsys):
    def fail(options):
        raise failure

    assert script.run(fail, script.argument_parser("about", out="runs").parse_args([])) == code
    assert capsys.readouterr().err == line + "\n"


def test_code_of_the_steps_is_handed_on():
    assert script.run(lambda options: 1, script.argument_parser("about", out="runs").parse_args([])) == 1
