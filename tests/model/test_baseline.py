"""The float Keras model as a Runner."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cnnedge.model import baseline
from tests.support import models

OPEN_ON_A_GPU = (
    "import sys\nfrom cnnedge.model.baseline import open_baseline\nopen_baseline(sys.argv[1], 'call', device='gpu')"
)


@pytest.fixture(scope="module")
def digits_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("baseline") / "digits.keras"
    models.digits_keras().save(path)
    return path


@pytest.mark.parametrize("mode", baseline.MODES)
def test_every_way_of_calling_gives_the_models_own_answers(digits_file, mode):
    # The number of threads can be set once in a process, before TensorFlow's first operation: not through
    # open_baseline here.
    model = models.digits_keras()
    images, _ = models.digits("test")
    with baseline.KerasRunner("digits.keras", model, mode, num_threads=1, device="cpu") as runner:
        found = runner.predict(images[:5])
    # Sums of float32 in another order.
    assert np.abs(found - model(images[:5].astype("float32")).numpy()).max() < 1e-5
    assert runner.runtime.endswith(f"({mode})") and runner.device == "cpu"


def test_tensorflow_keeps_its_own_choice_of_kernels(digits_file, monkeypatch):
    """What training takes beyond it would make the baseline slower on some CPUs."""
    asked = []

    def record(**options):
        asked.append(options)
        raise InterruptedError

    monkeypatch.setattr("cnnedge.model.backend.require_tensorflow", record)
    with pytest.raises(InterruptedError):
        baseline.open_baseline(digits_file, "function")
    assert asked == [{"onednn": False}]


def test_an_unknown_way_is_refused(digits_file):
    with pytest.raises(ValueError, match="mode is 'eager', expected one of predict, call, function"):
        baseline.open_baseline(digits_file, "eager")


def test_a_gpu_that_is_not_there_is_refused(digits_file):
    """TensorFlow itself would run on the CPU and say nothing."""
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", OPEN_ON_A_GPU, str(digits_file)]
    done = subprocess.run(command, env=hidden, capture_output=True, text=True, check=False)
    assert "CnnedgeError: TensorFlow finds no GPU" in done.stderr.splitlines()[-1]
