"""ONNX files that have ended or filled the process that opens them are refused by name, or tried apart first."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnedge.errors import ModelError
from cnnedge.formats.inspection import inspect
from cnnedge.formats.model_file import open_model_file
from tests.support import models
from tests.support.shipped import FILES


def file_of(*nodes: onnx.NodeProto, shape: tuple[int, ...] = (1, 3, 4, 4), **constants: np.ndarray) -> bytes:
    """A graph from ``x`` to ``y``."""
    graph = helper.make_graph(
        list(nodes), "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


NODE = helper.make_node


@pytest.mark.parametrize("op", ["GatherND", "RandomUniformLike", "RandomNormalLike", "NonZero", "RoiAlign"])
def test_operators_outside_the_list_are_refused(op):
    with pytest.raises(ModelError, match=f"operator '{op}' is not one of those that cnnedge runs"):
        open_model_file(file_of(NODE(op, ["x"], ["y"])), "onnx").check_runnable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (file_of(NODE("MaxPool", ["x"], ["y"], kernel_shape=[30000, 30000])), "MaxPool: kernel_shape is .*30000"),
        (file_of(NODE("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[0, 1])), "MaxPool: strides is"),
        (
            file_of(NODE("Identity", ["x"], ["y"]), NODE("Identity", ["y"], ["y"])),
            "Identity writes 'y', which is",
        ),
        (file_of(NODE("Relu", ["x"], ["y"]), w=np.ones([1] * 9, np.float32)), "9 sizes, expected at most 8"),
        (file_of(NODE("Concat", ["x"] * 300, ["y"], axis=1)), "Concat has 300 inputs, expected at most 256"),
        (
            file_of(NODE("LayerNormalization", ["x", "w", ""], ["y"]), w=np.ones(4, np.float32)),
            "LayerNormalization leaves out input 2",
        ),
        (
            file_of(
                NODE("AveragePool", ["x"], ["y"], kernel_shape=[512, 512], pads=[256] * 4), shape=(1, 1, 1024, 1024)
            ),
            "AveragePool needs .* bytes of memory",
        ),
    ],
    ids=["window", "stride", "twice", "sizes", "inputs", "left out", "windows"],
)
def test_what_the_runtime_may_not_survive_is_named(content, message):
    with pytest.raises(ModelError, match=message):
        open_model_file(content, "onnx").check_runnable()


def test_a_constant_that_is_no_tensor_is_one_line():
    """A number where the schema has a message: the reader must not take it for one."""
    node = NODE("Constant", [], ["c"])
    attribute = node.attribute.add()
    attribute.name, attribute.type = "value", onnx.AttributeProto.TENSOR
    content = bytearray(file_of(node, NODE("Add", ["x", "c"], ["y"])))
    # Field 5 (a tensor) as a varint: key 0x28, value 1, in place of the attribute's type (field 20: key 0xa0 0x01).
    place = bytes(content).index(b"\xa0\x01\x04")
    content[place : place + 3] = b"\x28\x81\x00"
    with pytest.raises(ModelError, match="attribute 'value' that holds no tensor"):
        open_model_file(bytes(content), "onnx").check_runnable()


@pytest.mark.parametrize(("sizes", "rehearsed"), [((4, 4), False), ((-1, 9), True)])
def test_a_size_that_only_a_run_shows_is_tried_apart(sizes, rehearsed):
    content = file_of(NODE("ConstantOfShape", ["s"], ["c"]), NODE("Add", ["x", "c"], ["y"]), s=np.array(sizes))
    file = open_model_file(content, "onnx")
    assert file.needs_rehearsal == inspect(file).tried_apart == rehearsed


def test_a_size_that_a_constant_gives_is_reckoned():
    content = file_of(NODE("ConstantOfShape", ["s"], ["c"]), NODE("Add", ["x", "c"], ["y"]), s=np.array([2**31, 9]))
    with pytest.raises(ModelError, match="ConstantOfShape needs 77,309,411,520 bytes of memory"):
        open_model_file(content, "onnx").check_runnable()


def test_our_own_files_need_no_trial():
    files = [path for path in FILES if path.suffix == ".onnx"]
    assert files and not any(open_model_file(path).needs_rehearsal for path in files)
    assert not open_model_file(models.colours_onnx(), "onnx").needs_rehearsal
