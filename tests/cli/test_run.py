"""The whole ``run`` on real digits: every file, the manifest, the benchmark, the report."""

import json
import signal
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from cnnedge.cli.app import run as cnnedge
from cnnedge.convert.qat import resuming
from cnnedge.errors import GateError
from cnnedge.formats.model_file import open_model_file
from cnnedge.names import EXPORTS, ExportName
from cnnedge.scoring.score import Score
from tests.support.digits import write_image_folder
from tests.support.large_logits import with_large_logits

NAMES = [ExportName("mnist-tiny", p, f) for f, precisions in EXPORTS.items() for p in precisions]
NAMES += [ExportName("mnist-tiny", "int8", format, qat=True) for format in EXPORTS]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The whole sample."""
    return write_image_folder(tmp_path_factory.mktemp("digits"), train=None, test=None)


@pytest.fixture(scope="module")
def out(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    code = cnnedge([
        "run", "mnist-tiny", "--data", str(digits), "--epochs", "15", "--batch-size", "32", "--num-runs", "4",
        "--out", str(folder),
    ])  # fmt: skip
    assert code == 0
    return folder


def test_every_promised_file_is_there(out):
    expected = {name.filename for name in NAMES}
    expected |= {"mnist-tiny.keras", "manifest.json", "benchmark.json", "report.html", "history.csv"}
    assert expected <= {path.name for path in (out / "mnist-tiny").iterdir()}
    assert not list((out / "mnist-tiny").glob(".*"))


def test_benchmark_has_a_complete_row_per_file_and_three_for_keras(out):
    rows = json.loads((out / "mnist-tiny/benchmark.json").read_text())["rows"]
    assert [row["error"] for row in rows] == [None] * len(rows)
    assert {row["file"] for row in rows} == {name.filename for name in NAMES} | {"mnist-tiny.keras"}
    assert sum(row["format"] == "keras" for row in rows) == 3
    assert all(row["latency_ms"]["p50"] > 0 and row["top1"] > 0.8 and row["images"] == 500 for row in rows)


def test_manifest_passports_and_benchmark_tell_the_same(out):
    manifest = json.loads((out / "mnist-tiny/manifest.json").read_text())
    rows = json.loads((out / "mnist-tiny/benchmark.json").read_text())["rows"]
    measured = {row["file"]: row["top1"] for row in rows}
    for name in NAMES:
        entry = manifest["files"][name.filename]
        passport = open_model_file(out / "mnist-tiny" / name.filename).passport
        assert entry["top1"] == passport.top1 == measured[name.filename]
        assert entry["size_bytes"] == (out / "mnist-tiny" / name.filename).stat().st_size
        assert b"Relu;" not in (out / "mnist-tiny" / name.filename).read_bytes()  # the names of all that was fused
        assert entry["data"]["calibration"]["sha256"] != entry["data"]["test"]["sha256"]
        assert passport.licence == "", "of a network trained on someone's own folder, its licence is theirs to say"
    assert manifest["training"]["recipe"]["epochs"] == 15


def test_int8_files_stay_close_to_float(out):
    files = json.loads((out / "mnist-tiny/manifest.json").read_text())["files"]
    # 500 images: one image is 0.2 points.
    for name in NAMES:
        assert files[name.filename]["top1"] >= files["mnist-tiny.keras"]["top1"] - 0.01


def test_report_is_one_page_that_needs_no_network(out):
    page = (out / "mnist-tiny/report.html").read_text()
    assert "mnist-tiny_int8_qat.tflite" in page
    assert 'src="http' not in page and 'href="http' not in page


def test_second_run_is_refused_before_any_work(out, digits, capsys):
    code = cnnedge(["run", "mnist-tiny", "--data", str(digits), "--out", str(out)])
    assert code == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "already exist" in message and "--overwrite" in message


def test_export_by_name_replaces_only_when_told(out, digits, capsys):
    command = ["export", "mnist-tiny", "--data", str(digits), "--precision", "float16", "--out", str(out)]
    before = (out / "mnist-tiny/mnist-tiny_float16.tflite").read_bytes()
    assert cnnedge(command) == 1
    assert "already exist" in capsys.readouterr().err
    assert cnnedge([*command, "--overwrite"]) == 0
    assert "mnist-tiny_float16.tflite" in capsys.readouterr().out
    # The same .keras and seed give the same file.
    assert (out / "mnist-tiny/mnist-tiny_float16.tflite").read_bytes() == before
    assert len(json.loads((out / "mnist-tiny/manifest.json").read_text())["files"]) == len(NAMES) + 1


def test_rgb_input_makes_another_network_in_a_folder_of_its_own(out, digits):
    command = ["export", "mnist-tiny", "--data", str(digits), "--precision", "float32", "--out", str(out)]
    assert cnnedge([*command, "--rgb-input"]) == 0
    folder = out / "mnist-tiny_rgb"
    grey = json.loads((out / "mnist-tiny" / "manifest.json").read_text())["files"]["mnist-tiny_float32.tflite"]
    for format in EXPORTS:
        passport = open_model_file(folder / f"mnist-tiny_rgb_float32.{format}").passport
        assert passport.input_contract["colour"] == "RGB" and passport.input_shape == (28, 28, 3)
        # One of the 500 test digits may have two classes closer than the rounding of a third of the kernel.
        assert passport.top1 == pytest.approx(grey["top1"], abs=1 / 500)
    assert (folder / "mnist-tiny_rgb.keras").is_file()


def test_gate_ends_with_exit_code_3(out, digits, capsys, tmp_path):
    from cnnedge.model.keras_file import load_keras, save_keras

    command = [
        "export", str(out / "mnist-tiny/mnist-tiny.keras"), "--data", str(digits), "--format", "tflite",
        "--precision", "float32", "--out", str(tmp_path),
    ]  # fmt: skip
    # The float files give the very answers of the model, and 0 is no more than 0.
    assert cnnedge([*command, "--max-drop", "0"]) == 0
    assert (tmp_path / "mnist-tiny/mnist-tiny.keras").exists()
    save_keras(with_large_logits(load_keras(command[1])), tmp_path / "large.keras")
    command[1] = str(tmp_path / "large.keras")
    assert cnnedge([*command, "--max-drop", "1"]) == 0
    int8 = ["--qat", "--precision", "int8", "--max-drop", "1", "--keep-losses", "--overwrite"]
    assert cnnedge([*command, *int8]) == 3
    printed = capsys.readouterr()
    assert "LOSS" in printed.out and "most noise comes from" in printed.out and "Try --qat" in printed.out
    message = printed.err.strip().splitlines()[-1]
    assert "lost more than 1 points" in message and "large_int8.tflite" in message and "large_int8_qat" in message


@pytest.mark.parametrize(
    "arguments, code, complaint",
    [
        (["run", "resnet"], 2, "resnet"),
        (["run", "mnist", "--preset", "slow"], 2, "unknown preset 'slow'"),
        (["export", "mnist-tiny", "--precision", "int4"], 2, "unknown precision 'int4'"),
        (["export", "mnist-tiny", "--format", "coreml"], 2, "unknown format 'coreml'"),
        (["export", "mnist-tiny", "--format", "onnx", "--precision", "float16"], 2, "nothing to export"),
        (["export", "mnist-tiny", "--io", "int4"], 2, "unknown --io 'int4'"),
        (["export", "nothing-here"], 2, "nothing-here.keras does not exist; give a .keras file, or train one first"),
        (["export", "cifar"], 2, "cifar.keras does not exist; did you mean cifar10?"),
        (["export", "mnist_int8.tflite"], 2, "is already converted: expected the .keras file"),
        (["export", "absent.keras", "--precision", "float32"], 1, "does not exist"),
        (["export", "text.keras", "--precision", "float32"], 1, "not a Keras model file"),
        (["export", "zip.keras", "--precision", "float32", "--preset", "nonsense"], 2, "unknown preset 'nonsense'"),
        (["export", "zip.keras", "--precision", "float32", "--max-drop", "1"], 2, "--max-drop compares accuracies"),
        (["export", "zip.keras"], 2, "int8 and int16x8 need calibration images"),
        (["export", "mnist-tiny", "--precision", "float32"], 2, "was trained on the folder digits"),
        (["run", "mnist-tiny", "--data", "empty"], 1, "empty"),
    ],
)
def test_bad_requests_end_in_one_line(arguments, code, complaint, out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.keras").write_text("not a model")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:  # of the kind of a model
        archive.writestr("metadata.json", "{}")
    (tmp_path / "empty").mkdir()
    place = ["--out", str(out if arguments[1] == "mnist-tiny" and arguments[0] == "export" else tmp_path / "new")]
    assert cnnedge([*arguments, *place]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ") and complaint in lines[-1]
    assert "Traceback" not in "".join(lines)
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").rglob("*.*"))


def test_lost_points_beyond_the_gate_exit_with_3():
    from cnnedge.convert.gates import check_drops

    entries = {"a.keras": SimpleNamespace(top1=0.9), "a_int8.tflite": SimpleNamespace(top1=0.894)}
    check_drops(entries, 0.9, 0.6)
    with pytest.raises(GateError, match=r"more than 0.5 points of top-1: a_int8.tflite \(0.60\)") as failure:
        check_drops(entries, 0.9, 0.5)
    assert failure.value.exit_code == 3


def test_a_loss_that_may_be_chance_is_said_to_be():
    """Two of 211 pictures: as many as would tell half a point are z sqrt(2 N / 211 + 2) / (N + 2), N = 1,643."""
    from cnnedge.convert.gates import check_drops

    labels = np.zeros(211, np.int64)
    answers = {"a.keras": labels, "a_int8.tflite": labels.copy()}
    answers["a_int8.tflite"][:2] = 1
    scores = {file: Score(found, labels) for file, found in answers.items()}
    entries = {file: SimpleNamespace(top1=found.top1) for file, found in scores.items()}
    with pytest.raises(GateError, match=r"lost 2 of 211 images and gained 0: too few to tell .* about 1,700 would"):
        check_drops(entries, 1.0, 0.5, scores)
    answers["a_int8.tflite"][:20] = 1
    with pytest.raises(GateError, match=r"a_int8.tflite \(0.95\)$"):
        check_drops(entries, 1.0, 0.5, {file: Score(found, labels) for file, found in answers.items()})


def test_ctrl_c_leaves_one_line_and_a_training_to_resume(digits, tmp_path, capsys):
    command = ["run", "mnist-tiny", "--data", str(digits), "--epochs", "500", "--out", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "cnnedge", *command], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("train mnist-tiny"):
            break
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == 1
    assert said[-1].startswith("error: interrupted") and not any("Traceback" in line for line in said)
    assert not list(tmp_path.rglob("*.keras")) and not list(tmp_path.rglob("*.part"))
    assert cnnedge(command) == 1
    assert "--resume" in capsys.readouterr().err


def test_a_run_stopped_after_its_training_does_not_train_again(digits, tmp_path, capsys, monkeypatch):
    """Stopped in the quantization-aware training, of four steps, where it keeps its first state."""
    command = ["run", "mnist-tiny", "--data", str(digits), "--epochs", "1", "--num-runs", "4", "--out", str(tmp_path)]
    folder, save, restore, found = tmp_path / "mnist-tiny", resuming.save, resuming.restore, []

    def stop(path, state):
        save(path, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "save", stop)
        assert cnnedge(command) == 1
    assert "a training, a search or a score goes on with --resume" in capsys.readouterr().err
    assert cnnedge(command) == 1
    assert "holds an unfinished training: add --resume" in capsys.readouterr().err
    history = (folder / "history.csv").read_text()

    monkeypatch.setattr(resuming, "restore", lambda path: found.append(restore(path)) or found[-1])
    assert cnnedge([*command, "--resume"]) == 0
    assert [state.step for state in found] == [1]
    assert "train mnist-tiny" not in capsys.readouterr().err
    assert (folder / "history.csv").read_text() == history
    assert (folder / "report.html").exists() and not (folder / "checkpoint").exists()

    assert cnnedge([*command, "--resume"]) == 1, "there is nothing to go on with, and the files are not replaced"
    assert "mnist-tiny.keras is there, and nothing is left to resume" in capsys.readouterr().err
