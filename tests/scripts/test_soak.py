"""scripts/soak.py in its short form, and scripts/service_example.py as systemd runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import cameras

REPOSITORY = Path(__file__).parents[2]
MNIST = REPOSITORY / "exported" / "mnist" / "mnist_int8_qat.tflite"
SERVICE = REPOSITORY / "scripts" / "service_example.py"
# A loaded machine may need this long to start Python and open the file.
PATIENCE_S = 60


@pytest.mark.parametrize("file", ["mnist/mnist_int8_qat.tflite", "cifar10/cifar10_int8.onnx"])
def test_soak_holds_memory_handles_and_answers(file):
    command = [sys.executable, "scripts/soak.py", f"exported/{file}", "--predictions", "3000"]
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.match(r"3,000 predictions with .*, camera unplugged (29|30) times: memory ", found.stdout)


def test_soak_finds_a_leak(tmp_path):
    """The same script with a classifier that keeps something for each prediction, and a file handle for some."""
    leaking = tmp_path / "leaking.py"
    leaking.write_text(
        "import runpy, sys, cnnedge\n"
        "kept = []\n"
        "whole = cnnedge.Classifier.predict\n"
        "def predict(self, picture, top=5):\n"
        "    kept.append(bytearray(2000))\n"
        "    if len(kept) % 500 == 0: kept.append(open(__file__))\n"
        "    return whole(self, picture, top)\n"
        "cnnedge.Classifier.predict = predict\n"
        f"sys.argv = ['soak.py', {str(MNIST)!r}, '--predictions', '3000']\n"
        f"runpy.run_path({str(REPOSITORY / 'scripts' / 'soak.py')!r}, run_name='__main__')\n"
    )
    found = subprocess.run([sys.executable, str(leaking)], capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stdout + found.stderr
    assert re.search(r"memory \+[4-9]\.\d\d MB .*file handles \+[56],", found.stdout)


@pytest.mark.parametrize("every", ["nan", "-1", "inf", "soon"])
def test_a_time_that_cannot_be_waited_is_refused(every, tmp_path):
    command = [sys.executable, str(SERVICE), str(MNIST), "--folder", str(tmp_path), "--every", every]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert found.returncode == 2 and found.stderr.splitlines()[-1].startswith("service_example.py: error: argument")


class Service:
    """The service in a process of its own; ``line`` waits for the next line of its log."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, str(SERVICE), str(MNIST), *arguments]
        self.process = subprocess.Popen(
            command, env=os.environ | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> dict:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def until(self, key: str) -> dict:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            line = self.line()
            if key in line:
                return line
        raise AssertionError(f"no line with {key} in {PATIENCE_S} s")

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors


def test_service_labels_what_appears_in_a_folder_and_survives_bad_pictures(tmp_path):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    (tmp_path / ".hidden").write_text("being written")
    service = Service("--folder", str(tmp_path), "--every", "0.05")
    first, second = service.line(), service.line()
    assert (first["source"], second["source"]) == ("a.png", "b.png")
    assert set(first) == {"time", "source", "label", "score", "ms"} and "not a picture" in second["error"]
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "b.png")  # the file comes again, whole
    assert service.until("label")["source"] == "b.png"
    assert service.stop() == (0, "")


def test_service_survives_a_camera_that_is_unplugged_and_comes_back(tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, "cv2")
    service = Service("--camera", "0", "--every", "0", environment={"PYTHONPATH": str(tmp_path)})
    before = service.until("label")
    cameras.unplug(tmp_path)
    assert "check its cable" in service.until("error")["error"]
    cameras.unplug(tmp_path, plugged=True)
    assert service.until("label")["label"] == before["label"]
    assert service.stop() == (0, "")


def test_service_without_its_camera_or_folder_ends_with_1_for_systemd_to_try_again(tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, "cv2")
    cameras.unplug(tmp_path)
    for arguments, words in (
        (["--camera", "0"], "cannot be opened"),
        (["--folder", str(tmp_path / "no")], "is not a folder"),
    ):
        service = Service(*arguments, environment={"PYTHONPATH": str(tmp_path)})
        _, errors = service.process.communicate(timeout=PATIENCE_S)
        assert service.process.returncode == 1
        assert errors.count("\n") == 1 and errors.startswith("error: ") and words in errors
