import json

import pytest

from cnnedge.cli import doctor
from cnnedge.cli.app import run

GOOD = {
    "bits": 64,
    "throttled": False,
    "machine": {"memory_mb": 4000, "governor": "performance"},
    "runtimes": [{"runtime": "LiteRT", "version": "2.3.0", "works": True, "problem": None}],
}


def broken(runtime: str, version: str | None, problem: str) -> dict:
    return {"runtimes": [{"runtime": runtime, "version": version, "works": False, "problem": problem}]}


def test_json_of_this_machine(capsys):
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bits"] == 64
    assert report["machine"]["cores"] >= 1
    assert [(runtime["runtime"], runtime["works"]) for runtime in report["runtimes"]] == [
        ("LiteRT", True), ("ONNX Runtime", True),
    ]  # fmt: skip
    assert report["extras"] == {"onnx": [], "report": [], "build": []}


def test_lines_of_this_machine(capsys):
    assert run(["doctor"]) == 0
    output = capsys.readouterr().out
    for words in ("Python ", "CPU ", "LiteRT ", "works", "[onnx]", "complete"):
        assert words in output


def test_nothing_to_do_on_a_good_machine():
    assert doctor.advice(GOOD, (3, 11)) == []


@pytest.mark.parametrize(
    ("change", "python", "words"),
    [
        ({"bits": 32}, (3, 11), "install the 64-bit Raspberry Pi OS"),
        ({}, (3, 14), "Python 3.14 is not tried with cnnedge: use 3.11 to 3.13"),
        ({}, (3, 9), "Python 3.9 is not tried"),
        (broken("ONNX Runtime", None, "not installed"), (3, 11), "pip install 'cnnedge[onnx]'"),
        (broken("LiteRT", None, "not installed"), (3, 11), "pip install ai-edge-litert"),
        (
            broken("LiteRT", "2.3.0", "illegal instruction: this wheel was made for a newer CPU"),
            (3, 11),
            "illegal instruction: this wheel was made for a newer CPU: pip install --force-reinstall ai-edge-litert",
        ),
        ({"machine": {"memory_mb": 100, "governor": None}}, (3, 11), "100 MB of memory is little"),
        ({"machine": {"memory_mb": 4000, "governor": "powersave"}}, (3, 11), "cpupower"),
        ({"throttled": True}, (3, 11), "cool it"),
    ],
)
def test_one_line_for_each_thing_missing(change, python, words):
    (line,) = doctor.advice(GOOD | change, python)
    assert words in line


def test_missing_packages_of_an_extra_are_named_through_the_extras_inside_it(monkeypatch):
    monkeypatch.setattr(doctor, "_is_installed", lambda package: package not in ("onnxruntime", "jinja2"))
    assert doctor._missing("onnx") == ["onnxruntime"]
    assert sorted(doctor._missing("report")) == ["jinja2", "onnxruntime"]
