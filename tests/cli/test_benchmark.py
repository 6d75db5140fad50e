"""``cnnedge benchmark`` and ``cnnedge report`` on real files and real digits, through the real command
line."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnxruntime
import pytest

from cnnedge.cli.app import run

# Four rounds are one start of each file: three processes with TensorFlow for a Keras model, not fifteen.
QUICK = ["--num-runs", "4", "--warmup-runs", "1"]


@pytest.fixture
def exported(model_folder, tmp_path) -> Path:
    """The exported files without the Keras model: three processes that import TensorFlow are ten seconds."""
    folder = tmp_path / "exported"
    shutil.copytree(model_folder, folder, ignore=shutil.ignore_patterns("*.keras"))
    return folder


def test_a_folder_is_measured_beside_its_keras_model(model_folder, digit_folder, tmp_path, capsys):
    folder = tmp_path / "digits"
    shutil.copytree(model_folder, folder)
    assert run(["benchmark", str(folder), "--data", str(digit_folder), "--limit", "60", *QUICK]) == 0
    told = capsys.readouterr()
    printed, step = told.out, f"cnnedge report {folder}/benchmark.json --markdown"
    assert told.err.endswith(f"next: {step}\n") and run(step.split()[1:]) == 0
    assert "| digits_int8.tflite |" in capsys.readouterr().out, "what is said works"
    assert max(map(len, printed.splitlines()[:12])) <= 80
    document = json.loads((folder / "benchmark.json").read_text())
    keras = [row for row in document["rows"] if row["format"] == "keras"]
    assert [row["mode"] for row in keras] == ["predict", "call", "function"]
    assert {row["verdict"] for row in keras} == {"baseline"} and document["baseline"] == "digits.keras"
    assert max(row["speedup"] for row in keras) == 1.0
    others = [row for row in document["rows"] if row["format"] != "keras"]
    # The float files compute what Keras computes; 60 images are too few to call them equal.
    assert {row["agreement"] for row in others if row["precision"] == "float32"} == {1.0}
    assert {row["verdict"] for row in others} == {"unclear"}
    assert document["data"]["images"] == 60 and document["data"]["full_images"] == 120
    # Wide latencies fold "digits.keras (predict)" into two lines.
    for name in ("digits.keras", "(predict)", "digits_int8.tflite", "digits_float32.onnx"):
        assert name in printed
    assert "<svg" in (folder / "report.html").read_text()
    assert "data:image/png" in (folder / "report.html").read_text() or all(not row["flips"] for row in others)


def test_a_failed_row_is_shown_and_the_exit_code_is_1(exported, digit_folder, tmp_path, capsys):
    (exported / "broken.tflite").write_text("this is a text file")
    out = tmp_path / "out.json"
    command = ["benchmark", str(exported), "--data", str(digit_folder), "--json", str(out), *QUICK]
    assert run(command) == 1
    captured = capsys.readouterr()
    assert "failed: broken.tflite: " in captured.out
    assert captured.err.strip().splitlines()[-1].startswith("error: broken.tflite failed: ")
    rows = {row["file"]: row for row in json.loads(out.read_text())["rows"]}
    assert rows["broken.tflite"]["top1"] is None and rows["digits_int8.tflite"]["error"] is None


def test_a_run_that_measured_nothing_leaves_the_report_of_before(exported, digit_folder, capsys):
    for file in exported.glob("*.*"):
        file.write_text("this is a text file")
    (exported / "benchmark.json").write_text("mine")
    assert run(["benchmark", str(exported), "--data", str(digit_folder), "--overwrite", *QUICK]) == 1
    assert "nothing was measured, and nothing is written" in capsys.readouterr().err
    assert (exported / "benchmark.json").read_text() == "mine" and not (exported / "report.html").exists()


def test_files_that_exist_are_not_replaced_unasked(exported, digit_folder, tmp_path, capsys):
    (exported / "benchmark.json").write_text("mine")
    report = tmp_path / "mine.html"
    report.write_text("mine")
    command = ["benchmark", str(exported), "--data", str(digit_folder), "--limit", "10", *QUICK]
    assert run([*command, "--report", str(report)]) == 1
    assert "mine.html already exists" in capsys.readouterr().err
    assert run(command) == 0
    told = capsys.readouterr().err
    assert "benchmark.json exists and is kept" in told and f"next: cnnedge predict {exported}/digits_" in told
    assert (exported / "benchmark.json").read_text() == "mine" and report.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.tflite"], 2, "nowhere.tflite does not exist"),
        (["{exported}", "--data", "imagenet"], 2, "imagenet"),
        (["{exported}"], 2, "no file says which images it was made for: add --data"),
        (["{exported}", "--margin", "0"], 2, "--margin is 0"),
        (["{exported}", "--device", "tpu"], 2, "--device is 'tpu', expected cpu or gpu"),
        (["{exported}", "--sustained", "-1"], 2, "--sustained is -1, expected minutes"),
        (["{exported}", "--mean", "grey"], 2, "--mean grey --std 1: could not convert string to float"),
        (["{exported}", "--std", "0"], 2, "expected numbers above 0"),
        (["{exported}", "--baseline", "absent.keras", "--data", "{digits}"], 2, "absent.keras does not exist"),
        (["{exported}", "--json", "{exported}/digits_int8.tflite/x.json"], 1, "x.json cannot be written"),
    ],
)
def test_wrong_requests_are_one_line(exported, digit_folder, capsys, arguments, code, message):
    filled = [argument.format(exported=exported, digits=digit_folder) for argument in arguments]
    assert run(["benchmark", *filled]) == code
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert message in line


def test_without_a_gpu_it_says_what_is_missing_and_what_to_type(exported, digit_folder, monkeypatch, capsys):
    for name, value in {"VK_ICD_FILENAMES": "/dev/null", "VK_DRIVER_FILES": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    command = ["benchmark", str(exported), "--data", str(digit_folder), "--device", "gpu", *QUICK]
    if any(name.startswith(("CUDA", "WebGpu")) for name in onnxruntime.get_available_providers()):
        pytest.skip("this onnxruntime can use a GPU")
    assert run(command) == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert error.startswith("error: --device gpu: no GPU can be used here. LiteRT: ")
    assert "apt install libvulkan1 mesa-vulkan-drivers" in error and "pip install onnxruntime-gpu" in error
    assert "Keras" not in error  # none was named


SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")


@pytest.mark.skipif(not SWIFTSHADER.exists(), reason="Chromium's SwiftShader is not installed")
def test_a_software_adapter_is_measured_as_the_cpu_that_it_is(exported, digit_folder, tmp_path, monkeypatch, capsys):
    """LiteRT's GPU accelerator for real, on a driver that draws on the CPU; ONNX Runtime has no provider: an error."""
    monkeypatch.setenv("VK_ICD_FILENAMES", str(SWIFTSHADER))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(SWIFTSHADER.parent))
    out = tmp_path / "gpu.json"
    command = ["benchmark", str(exported), "--data", str(digit_folder), "--device", "gpu", "--json", str(out)]
    assert run([*command, "--limit", "20", "--num-runs", "4"]) == 1
    document = json.loads(out.read_text())
    rows = {row["file"]: row for row in document["rows"]}
    assert "pip install onnxruntime-gpu" in rows["digits_float32.onnx"]["error"]
    assert rows["digits_float32.onnx"]["latency_ms"] is None
    for name in ("digits_float32.tflite", "digits_int8.tflite"):
        assert rows[name]["error"] is None and rows[name]["latency_ms"]["runs"] == 4
        assert rows[name]["device"] == "cpu" and "a software adapter" in rows[name]["runtime"]
    assert "ran on a software adapter, which is the CPU" in capsys.readouterr().out


def test_files_without_a_passport_are_fed_as_the_options_say(exported, digit_folder, tmp_path, capsys):
    """The digits file takes 0..255: halved pixels are still classified, and the document says what was fed."""
    out = tmp_path / "out.json"
    file = exported / "digits_float32.tflite"
    command = ["benchmark", str(file), "--data", str(digit_folder), "--json", str(out), *QUICK]
    assert run([*command, "--std", "2"]) == 0
    fed = json.loads(out.read_text())["rows"][0]["preprocessing"]
    assert fed == {"mean": [0.0], "std": [2.0], "source": "options"}
    assert run([*command, "--overwrite"]) == 0
    fed = json.loads(out.read_text())["rows"][0]["preprocessing"]
    assert fed == {"mean": [0.0], "std": [1.0], "source": "assumed"}
    assert "note: Fed pixels 0..255, for they do not say what else: digits_float32.tflite" in capsys.readouterr().out


def test_sustained_load_is_shown_and_kept(exported, digit_folder, tmp_path, capsys):
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    files = [str(exported / "digits_int8.tflite"), str(exported / "digits_float32.onnx")]
    command = ["benchmark", *files, "--data", str(digit_folder), "--json", str(out), "--report", str(page), *QUICK]
    assert run([*command, "--sustained", "0.05"]) == 0
    printed = capsys.readouterr().out
    # The last reading comes before the last pass of turns.
    assert "change" in printed and re.search("sustained load: [23] seconds, all files in turn", printed)
    document = json.loads(out.read_text())
    assert document["sustained"]["minutes"] == 0.05
    assert all(len(row["sustained"]["p50_ms"]) >= 3 for row in document["rows"])
    assert "Under sustained load" in page.read_text() and "--sustained 0.05" in page.read_text()


def test_the_script_only_calls_the_command(exported, digit_folder):
    script = Path(__file__).parents[2] / "scripts" / "benchmark.py"
    command = [sys.executable, str(script), str(exported / "digits_int8.tflite"), "--data", str(digit_folder), *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "digits_int8.tflite" in done.stdout and "classify digits_int8.tflite: 120 of 120" in done.stderr
    assert max(map(len, done.stdout.splitlines()[:5])) <= 80  # the table: below it stands the name of the processor


def test_ctrl_c_shows_and_keeps_what_was_measured(exported, digit_folder, tmp_path):
    out = tmp_path / "out.json"
    command = ["benchmark", str(exported), "--data", str(digit_folder), "--json", str(out)]
    command = [sys.executable, "-m", "cnnedge", *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("warm up"):
            break
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 1 and "error: interrupted" in error and "Traceback" not in error
    document = json.loads(out.read_text())
    assert document["interrupted"] and all(row["top1"] is not None for row in document["rows"])
    assert "The benchmark was interrupted" in printed


def test_the_report_is_shown_again_and_machines_side_by_side(exported, digit_folder, tmp_path, capsys):
    out = tmp_path / "host.json"
    run(["benchmark", str(exported), "--data", str(digit_folder), "--json", str(out), *QUICK])
    capsys.readouterr()
    assert run(["report", str(out), "--markdown"]) == 0
    assert "| digits_int8.tflite |" in capsys.readouterr().out
    assert run(["report", str(out), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("file,mode,format,")
    page = tmp_path / "both.html"
    assert run(["report", str(out), str(out), "--out", str(page)]) == 0
    assert "p50 ms on 2" in capsys.readouterr().out and "side by side" in page.read_text()
    assert run(["report", str(out), "--out", str(page)]) == 1
    assert run(["report", str(page)]) == 1
    assert "is not JSON: expected a benchmark.json" in capsys.readouterr().err
