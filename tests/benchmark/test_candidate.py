import os

import pytest

from cnnedge.benchmark.candidate import Candidate, candidates_for, keras_candidates
from cnnedge.errors import UsageError


def test_a_folder_gives_its_exported_files_in_the_order_of_the_tables(tmp_path):
    names = [
        "net_int8.onnx", "net_int8_qat.tflite", "net_int8.tflite", "net_float32.tflite", "net_float32.onnx",
        "net_float16.tflite", "net.keras", "manifest.json", "net_int16x8.tflite", "net_dynamic.tflite",
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).write_bytes(b"not a model")
    found = candidates_for([tmp_path])
    assert [candidate.name for candidate in found] == [
        "net_float32.tflite", "net_float16.tflite", "net_dynamic.tflite", "net_int8.tflite",
        "net_int8_qat.tflite", "net_int16x8.tflite", "net_float32.onnx", "net_int8.onnx",
    ]  # fmt: skip
    qat = next(candidate for candidate in found if "qat" in candidate.name)
    assert (qat.precision, qat.qat, qat.format, qat.size_bytes) == ("int8", True, "tflite", 11)


def test_somebody_elses_file_tells_its_precision_itself(model_folder, tmp_path):
    foreign = tmp_path / "theirs.tflite"
    foreign.write_bytes((model_folder / "digits_int8.tflite").read_bytes())
    (candidate,) = candidates_for([foreign])
    assert candidate.precision == "int8" and candidate.labels is None
    (tmp_path / "damaged.tflite").write_bytes(b"x")
    assert candidates_for([tmp_path / "damaged.tflite"])[0].precision == "unknown"


def test_paths_that_are_no_models_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        candidates_for([tmp_path / "absent.tflite"])
    with pytest.raises(UsageError, match=r"a folder without any \.tflite or \.onnx file: name a file, or export"):
        candidates_for([tmp_path])
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UsageError, match=r"is neither \.tflite nor \.onnx"):
        candidates_for([tmp_path / "a.txt"])


def test_a_keras_file_becomes_a_candidate_for_each_way_of_calling_it(tmp_path):
    path = tmp_path / "net.keras"
    path.write_bytes(b"model")
    predict, call = keras_candidates(path, opener="some.where:opened", modes=("predict", "call"))
    assert (predict.label, call.label) == ("net.keras (predict)", "net.keras (call)")
    assert predict.sha256 == call.sha256 and call.options["mode"] == "call"
    with pytest.raises(UsageError, match="expected the float Keras model"):
        keras_candidates(tmp_path / "absent.keras", opener="some.where:opened", modes=("call",))


def test_a_candidate_is_checked_at_birth():
    fields = {"name": "x", "format": "tflite", "precision": "int8", "qat": False, "size_bytes": 1}
    with pytest.raises(ValueError, match="expected 'module:function'"):
        Candidate(**fields, opener="module.function")
    with pytest.raises(ValueError, match="expected 'cpu' or 'gpu'"):
        Candidate(**fields, opener="a:b", device="tpu")


def test_what_is_no_file_gets_its_reason_and_stops_nothing(tmp_path):
    """A folder and a pipe that are called like files, and a link that leads nowhere."""
    (tmp_path / "folder.tflite").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "lost.tflite").symlink_to(tmp_path / "nowhere")
    (tmp_path / "text.tflite").write_text("hello")
    problems = {one.name: one.problem for one in candidates_for([tmp_path])}
    assert problems == {
        "folder.tflite": "it cannot be read: Is a directory",
        "lost.tflite": "it cannot be read: No such file or directory",
        "pipe.onnx": "it cannot be read: is a pipe or a device, expected a regular file",
        "text.tflite": None,  # its runner will say what is wrong with it
    }
