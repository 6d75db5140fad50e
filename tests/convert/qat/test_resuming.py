"""A quantization-aware training that is killed: what is kept of it, and the commands that go on with it."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from cnnedge.cli.app import run
from cnnedge.convert.qat import resuming
from cnnedge.convert.qat.resuming import Job, State, Watched
from cnnedge.errors import ModelError, UsageError
from cnnedge.manifest import read_manifest

JOB = Job(
    model="m", teacher=None, recipe={"qat_epochs": 4, "augmentation": {"shift": 2, "flip": False}}, seed=0,
    float_layers=("head",), train_images="t", validation_images="v", calibration_images="c",
)  # fmt: skip
STATE = State(
    7, Watched(0, 0.5, 0.3), Watched(5, 0.75, 0.1), [np.eye(2, dtype="float32"), np.float32(3)], [np.int64(7)],
    [np.zeros((2, 2), "float32"), np.float32(1)],
)  # fmt: skip


def test_a_state_comes_back_as_it_was(tmp_path):
    place = resuming.begin(tmp_path, JOB)
    assert resuming.is_unfinished(tmp_path) and resuming.restore(place) is None
    resuming.save(place, STATE)
    found = resuming.restore(place)
    assert (found.step, found.start, found.best) == (STATE.step, STATE.start, STATE.best)
    for part in ("weights", "optimizer", "best_weights"):
        for one, other in zip(getattr(found, part), getattr(STATE, part), strict=True):
            assert one.dtype == other.dtype and np.array_equal(one, other)
    assert resuming.begin(tmp_path, JOB) == place
    resuming.discard(tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_training_and_damage_are_refused(tmp_path):
    place = resuming.begin(tmp_path, JOB)
    other = Job(**{**vars(JOB), "recipe": {**JOB.recipe, "qat_epochs": 1}})
    with pytest.raises(UsageError, match=r"made with qat_epochs 4, not 1: repeat the first command with --resume, or"):
        resuming.begin(tmp_path, other)
    resuming.save(place, STATE)
    content = bytearray(place.read_bytes())
    content[100] ^= 1
    place.write_bytes(content)
    with pytest.raises(ModelError, match=r"its checksum is wrong\): begin again with --overwrite"):
        resuming.restore(place)
    place.with_name("job.json").write_text("{}")
    with pytest.raises(ModelError, match=r"job.json is damaged \(model is missing\): begin again with --overwrite"):
        resuming.check(tmp_path, JOB)


KILLED_AFTER_TWO_STEPS = """
import os, signal, sys
from cnnedge.cli.app import run
from cnnedge.convert.qat import resuming
save = resuming.save
def die(path, state):
    save(path, state)
    state.step == 2 and os.kill(os.getpid(), signal.SIGKILL)
resuming.save = die
run(sys.argv[1:])
"""


def test_an_export_that_was_killed_goes_on(model_folder, digit_folder, tmp_path, capsys, monkeypatch):
    """160 training images are a step an epoch, of four: a state after each."""
    command = [
        "export", str(model_folder / "digits.keras"), "--data", str(digit_folder), "--format", "tflite",
        "--precision", "int8", "--qat", "--preset", "full", "--teacher", str(model_folder / "digits.keras"), "--out",
    ]  # fmt: skip
    here, folder = [*command, str(tmp_path / "killed")], tmp_path / "killed" / "digits"
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_TWO_STEPS, *here], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(here) == 1
    assert "holds an unfinished training: add --resume to go on with it" in capsys.readouterr().err
    assert run([*here, "--seed", "1", "--resume"]) == 2
    assert "was made with seed 0, not 1" in capsys.readouterr().err

    restore, found = resuming.restore, []
    monkeypatch.setattr(resuming, "restore", lambda path: found.append(restore(path)) or found[-1])
    assert run([*here, "--resume"]) == 0
    assert [state.step for state in found] == [2]
    assert not (folder / "checkpoint").exists() and not list(folder.glob(".*"))
    made = read_manifest(folder).files["digits_int8_qat.tflite"]
    assert made.qat_outcome["kept"] == "qat" and "learned from digits.keras (SHA-256 " in made.method
    assert run([*here, "--resume"]) == 1
    assert "nothing is left to resume: use it, or add --overwrite" in capsys.readouterr().err

    assert run([*command, str(tmp_path / "whole")]) == 0
    file = "digits_int8_qat.tflite"
    assert (folder / file).read_bytes() == (tmp_path / "whole" / "digits" / file).read_bytes()


@pytest.mark.parametrize("more", [["--resume"], ["--teacher", "x.keras"]])
def test_resume_and_teacher_are_for_qat(more, tmp_path, capsys):
    assert run(["export", "mnist", "--precision", "float32", "--out", str(tmp_path), *more]) == 2
    assert "are for quantization-aware training: add --qat" in capsys.readouterr().err


@pytest.fixture
def stops_after_two_steps(monkeypatch):
    """Ctrl-C in the training; what is undone lets it go on, and says with which states it did."""
    save, restore, found = resuming.save, resuming.restore, []

    def stop(path, state):
        save(path, state)
        if state.step == 2 and not any(found):
            raise KeyboardInterrupt

    monkeypatch.setattr(resuming, "save", stop)
    monkeypatch.setattr(resuming, "restore", lambda path: found.append(restore(path)) or found[-1])
    return found


def test_a_search_that_was_stopped_goes_on(
    stops_after_two_steps, model_folder, digit_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("cnnedge.search.steps.RANGES", ("minmax",))
    monkeypatch.setattr("cnnedge.search.steps.Seeker._integers", lambda *_: [])  # so that it trains in any case
    command = [
        "search", str(model_folder / "digits.keras"), "--data", str(digit_folder), "--precision", "int8", "--max-drop",
        "90", "--out", str(tmp_path),
    ]  # fmt: skip
    assert run([*command, "--preset", "full"]) == 1
    assert "a training, a search or a score goes on with --resume" in capsys.readouterr().err
    assert run([*command, "--preset", "full"]) == 1
    assert "holds an unfinished search: add --resume" in capsys.readouterr().err
    assert run([*command, "--preset", "quick", "--resume"]) == 2
    assert "was made with qat_epochs 4, not 1" in capsys.readouterr().err
    assert run([*command, "--preset", "full", "--resume"]) == 0
    assert [state and state.step for state in stops_after_two_steps][:2] == [None, 2]
    assert not (tmp_path / "digits" / "checkpoint").exists()
