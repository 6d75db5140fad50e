"""What every command refuses before anything heavy is loaded: in a process that has not loaded it yet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from cnnedge.cli.app import make_app, run
from cnnedge.cli.commands import COMMANDS

EXPORTED = Path(__file__).parents[2] / "exported"
KERAS, INT8 = str(EXPORTED / "mnist/mnist.keras"), str(EXPORTED / "mnist/mnist_int8.tflite")
# /proc takes no file of anybody's, not even of root's.
WRONG = {
    "run mnost": "did you mean mnist?",
    "run mnist --preset quik": "did you mean quick?",
    "run mnist --data mnst": "did you mean mnist?",
    "run mnist --out /proc/x": "/proc/x/mnist cannot be written",
    "train mnist --init typo.keras": "typo.keras does not exist",
    "train mnist --data nowhere": "unknown dataset 'nowhere'",
    "train mnist --out /proc/x": "/proc/x/mnist cannot be written",
    "export absent.keras --data mnist": "absent.keras does not exist",
    f"export {KERAS} --data nowhere --out new": "unknown dataset 'nowhere'",
    f"export {KERAS} --out /proc/x": "/proc/x/mnist cannot be written",
    f"export {KERAS} --precision int9": "did you mean int8?",
    f"benchmark {INT8} --data nowhere": "unknown dataset 'nowhere'",
    f"benchmark {INT8} --json /proc/x.json": "/proc/x.json cannot be written",
    "benchmark nowhere": "nowhere does not exist",
    "report nowhere.json --out /proc/x.html": "/proc/x.html cannot be written",
    "card nowhere": "nowhere/manifest.json does not exist",
    f"inspect {INT8} --errors --against typo.keras --data mnist": "typo.keras does not exist",
    f"inspect {INT8} --errors --against {KERAS} --data nowhere": "unknown dataset 'nowhere'",
    f"golden {INT8} --data nowhere": "unknown dataset 'nowhere'",
    f"golden {INT8} --data mnist --out /proc/x": "/proc/x cannot be written",
    f"match {INT8} absent.bin": "no folder golden here",
    f"predict {INT8} absent.png": "absent.png",
    f"export {KERAS} --labels a,b --out new": "--labels names 2 classes and mnist.keras gives 10",
    f"export {KERAS} --float-layers nope --out new": "no layer 'nope' to leave in float: mnist.keras has none that is",
    f"export {KERAS} --allow-custom-objects nope --out new": "--allow-custom-objects nope: it cannot be imported",
    f"export {KERAS} --allow-custom-objects no.pe --out new": "--allow-custom-objects no.pe: it cannot be imported",
    "export /tmp --data mnist --out new": "/tmp is a folder without saved_model.pb",
    "search /tmp --data mnist --out new": "/tmp is a folder without saved_model.pb",
    f"search {KERAS} --labels a,b --out new": "--labels names 2 classes and mnist.keras gives 10",
    "train mnist-tiny --batch-size 100000000 --out new": "mnist has 60,000 training images, fewer than a batch of",
    "run mnist-tiny --batch-size 100000000 --out new": "mnist has 60,000 training images, fewer than a batch of",
    "train mnist --batch-size 0": "Invalid value for '--batch-size': 0 is not in the range",
    "photos /tmp --epochs 0": "Invalid value for '--epochs': 0 is not in the range",
    f"score {INT8} --data synthetic:9 --out new --part-rows 99999999999": "expected a number of 32 bits at most",
    "train mnist --data one --out new": "one holds one class, a, expected at least two",
    "train mnist --data one --batch-size 9 --out new": "one holds one class, a, expected at least two",
    "photos one --out new": "one holds one class, a, expected at least two",
    f"search {KERAS} --data one --out new": "one holds one class, a, expected at least two",
    "train mnist --seed 4294967296": "Invalid value for '--seed': 4294967296 is not in the range",
    "predct": "Did you mean 'predict'",
}
PROGRAM = """
import contextlib, io, json, sys
from cnnedge.cli.app import run
for command in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = run(command.split())
    print(json.dumps([code, said.getvalue(), [name for name in ("tensorflow", "keras", "jax") if name in sys.modules]]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, list]:
    here = tmp_path_factory.mktemp("here")
    (here / "one" / "a").mkdir(parents=True)
    Image.new("L", (28, 28)).save(here / "one" / "a" / "0.png")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(list(WRONG)), capture_output=True, text=True, check=True,
        cwd=here, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    return dict(zip(WRONG, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_request_is_one_line_before_anything_heavy_is_loaded(answers, command):
    code, said, heavy = answers[command]
    assert code in (1, 2) and heavy == []
    assert WRONG[command] in said and said.splitlines()[-1].startswith("error: ") and "defect" not in said


def with_numbers() -> list[tuple[str, str, int]]:
    """Every option of any command that takes a number with a fraction, and how many arguments the command needs."""
    return [
        (name, option.opts[0], sum(part.required for part in command.params))
        for name, command in get_command(make_app(COMMANDS)).commands.items()
        for option in command.params if "float" in option.type.name
    ]  # fmt: skip


def test_the_options_with_numbers_are_found():
    assert {("export", "--max-drop", 1), ("benchmark", "--margin", 1), ("train", "--width", 0)} <= set(with_numbers())


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("command, option, arguments", with_numbers())
def test_what_is_no_finite_number_is_refused_by_every_option(command, option, arguments, value, capsys):
    assert run([command, *["any"] * arguments, f"{option}={value}"]) == 2
    said = capsys.readouterr().err
    assert f"Invalid value for '{option}'" in said and len(said.splitlines()) == 1
