import json

import pytest

from cnnedge.cli.app import run
from cnnedge.machine import hardware
from tests.support import cameras


def test_json_of_this_machine(capsys):
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bits"] == 64 and report["memory_available_mb"] > 0
    assert report["machine"]["cores"] >= 1
    assert [(runtime["runtime"], runtime["works"]) for runtime in report["runtimes"]] == [
        ("LiteRT", True), ("ONNX Runtime", True),
    ]  # fmt: skip
    for runtime in report["runtimes"]:
        version = runtime["wheel"].split("-")[1]
        # The table of wheels and the pinned requirements go together.
        assert (version, runtime["no_wheel"]) == (runtime["version"], None)
    assert report["extras"] == {"onnx": [], "report": [], "demo": [], "build": []}
    assert report["camera"].keys() == {"library", "names", "problem"}
    assert report["gpu"].keys() == {"vulkan", "problem", "onnxruntime"}


def test_lines_of_this_machine(capsys):
    assert run(["doctor"]) == 0
    output = capsys.readouterr().out
    for words in ("Python ", "CPU ", "Memory ", "LiteRT ", "works", "wheel ", "GPU ", "Camera ", "[onnx]", "complete"):
        assert words in output
    assert max(map(len, output.split("\n\n")[0].splitlines())) <= 80


def test_a_raspberry_pi_that_is_short_of_power(tmp_path, monkeypatch, capsys):
    """As its kernel says it: under-voltage and throttling now, the temperature limit some time before."""
    (tmp_path / "soc:firmware").mkdir()
    (tmp_path / "soc:firmware" / "get_throttled").write_text("80005\n")
    monkeypatch.setattr(hardware, "_FIRMWARE", tmp_path)
    monkeypatch.setenv("PATH", "")  # no vcgencmd
    assert run(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "yes: too little voltage, throttling; since it was switched on: the" in output
    assert (
        "the board slows itself down now (too little voltage, throttling): use the power supply made for it" in output
    )


def test_vcgencmd_is_asked_where_it_is(tmp_path, monkeypatch):
    command = tmp_path / "vcgencmd"
    command.write_text("#!/bin/sh\necho throttled=0x50000\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert hardware.throttle_bits() == 0x50000
    assert hardware.read_load().throttled is False


@pytest.fixture(params=["picamera2", "cv2"])
def library(request, tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, request.param)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return request.param


def test_cameras_are_named(library, tmp_path, capsys):
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["camera"]["library"] == library and report["camera"]["problem"] is None
    if library == "picamera2":
        assert report["camera"]["names"] == ["imx708"]
        assert not any("camera" in line for line in report["optional"])
