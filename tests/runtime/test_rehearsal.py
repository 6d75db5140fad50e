"""A first run in a process of its own: what ends, fills or outlasts it is refused, and the caller lives."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnedge.errors import ModelError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.runtime import rehearsal
from cnnedge.runtime.opening import open_runner
from tests.support import models


def file_of(op: str, inputs: list[str], shape: list[int], **constants: np.ndarray) -> ModelFile:
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"])], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return open_model_file(model.SerializeToString(), "onnx")


def test_a_sound_file_is_run():
    rehearsal.rehearse_apart(open_model_file(models.digits_tflite(), "tflite"))
    rehearsal.rehearse_apart(open_model_file(models.colours_onnx(), "onnx"))


def test_what_ends_the_process_is_refused():
    """ONNX Runtime ends with a signal over a layer normalization whose bias is left out."""
    file = file_of("LayerNormalization", ["x", "w", ""], [1, 3, 4, 4], w=np.ones(4, np.float32))
    with pytest.raises(ModelError, match=r"its first run, tried apart: ends the process \(code -\d+\)"):
        rehearsal.rehearse_apart(file)


def test_what_fills_the_memory_is_refused_in_one_line():
    file = file_of("Expand", ["x", "s"], [1, 1], s=np.array([1 << 20, 1 << 14], np.int64))
    assert file.needs_rehearsal
    with pytest.raises(ModelError, match="its first run, tried apart: ") as refusal:
        open_runner(file)
    assert "\n" not in str(refusal.value)


def test_what_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(rehearsal, "PATIENCE_S", 0.01)
    with pytest.raises(ModelError, match=r"its first run, tried apart, takes over 0\.01 s: it is not run"):
        rehearsal.rehearse_apart(open_model_file(models.colours_onnx(), "onnx"))
