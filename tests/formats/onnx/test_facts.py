"""Which operators between integers count as integer: what the installed ONNX Runtime makes of each one decides."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnedge.formats.model_file import open_model_file
from tests.support.onnx_graphs import optimized

TWO, WEIGHTS = ("x0", "x1"), np.ones((4, 4, 3, 3), np.int8)
CHANNELS = np.full((4, 1, 1), 5, np.int8)
# Operator, its quantized inputs and constants, its attributes; images are (1, 4, 6, 6), NCHW.
OPERATORS = [
    ("Conv", ["x0", WEIGHTS], {}),
    ("ConvTranspose", ["x0", WEIGHTS], {}),
    ("MatMul", ["x0", np.ones((6, 5), np.int8)], {}),
    ("Add", TWO, {}),
    ("Mul", TWO, {}),
    ("Sub", TWO, {}),
    ("Div", TWO, {}),
    ("Max", TWO, {}),
    ("Min", TWO, {}),
    ("Add", ["x0", CHANNELS], {}),
    ("Mul", ["x0", CHANNELS], {}),
    ("Add", ["x0", CHANNELS.view(np.uint8)], {}),
    ("Mul", ["x0", CHANNELS.view(np.uint8)], {}),
    ("Mul", ["x0", CHANNELS.astype(np.float32)], {}),
    ("Concat", TWO, {"axis": 1}),
    ("AveragePool", ["x0"], {"kernel_shape": [2, 2]}),
    ("GlobalAveragePool", ["x0"], {}),
    ("ReduceMax", ["x0"], {"axes": [2, 3]}),
    ("ReduceMean", ["x0"], {"axes": [2, 3]}),
    ("LeakyRelu", ["x0"], {}),
    ("Sigmoid", ["x0"], {}),
    ("Softmax", ["x0"], {}),
    ("Elu", ["x0"], {}),
    ("Tanh", ["x0"], {}),
    ("HardSwish", ["x0"], {}),
    ("HardSigmoid", ["x0"], {}),
    ("Erf", ["x0"], {}),
    ("Softplus", ["x0"], {}),
    ("PRelu", ["x0", CHANNELS], {}),
    ("InstanceNormalization", ["x0", np.ones(4, np.float32), np.zeros(4, np.float32)], {}),
    ("DepthToSpace", ["x0"], {"blocksize": 2}),
    ("Flatten", ["x0"], {}),
    ("Gather", ["x0", np.array([2, 1, 0])], {"axis": 1}),
    ("Tile", ["x0", np.array([1, 1, 2, 2])], {}),
    ("Resize", ["x0", np.empty(0, np.float32), np.array([1, 1, 2, 2], np.float32)], {"mode": "nearest"}),
    ("Split", ["x0"], {"axis": 1}),
]
# What only moves or picks values gives exact answers, also where the runtime moves them as floats.
MOVING = [
    ("Pad", ["x0", np.array([0, 0, 1, 1, 0, 0, 1, 1])], {}),
    ("SpaceToDepth", ["x0"], {"blocksize": 2}),
    ("Expand", ["x0", np.array([1, 4, 6, 6])], {}),
    ("GlobalMaxPool", ["x0"], {}),
]


def quantized(op: str, inputs: list, attributes: dict, kind: type) -> bytes:
    """A file of ``op`` whose inputs come from ``kind`` and whose output goes to it."""
    constants = [numpy_helper.from_array(np.float32(0.05), "scale"), numpy_helper.from_array(kind(0), "zero")]
    nodes, names, images = [], [], []
    for number, value in enumerate(inputs):
        name = f"input{number}"
        if isinstance(value, str):
            images.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, (1, 4, 6, 6)))
            nodes.append(helper.make_node("QuantizeLinear", [value, "scale", "zero"], [f"{name}_codes"]))
            nodes.append(helper.make_node("DequantizeLinear", [f"{name}_codes", "scale", "zero"], [name]))
        elif value.dtype.itemsize > 1:
            constants.append(numpy_helper.from_array(value, name))
        else:
            constants.append(numpy_helper.from_array(value, f"{name}_codes"))
            constants.append(numpy_helper.from_array(value.dtype.type(0), f"{name}_zero"))
            nodes.append(helper.make_node("DequantizeLinear", [f"{name}_codes", "scale", f"{name}_zero"], [name]))
        names.append(name)
    answers = ["left", "right"] if op == "Split" else ["answer"]
    nodes.append(helper.make_node(op, names, answers, **attributes))
    for name in answers:
        nodes.append(helper.make_node("QuantizeLinear", [name, "scale", "zero"], [f"{name}_codes"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_codes", "scale", "zero"], [f"{name}_output"]))
    outputs = [helper.make_tensor_value_info(f"{name}_output", TensorProto.FLOAT, None) for name in answers]
    graph = helper.make_graph(nodes, "graph", images, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def takes_floats(graph: onnx.GraphProto) -> bool:
    """Whether a node is left that calculates with what was an integer before."""
    floats = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    return any(floats & set(node.input) for node in graph.node if node.op_type != "QuantizeLinear")


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
@pytest.mark.parametrize(("op", "inputs", "attributes"), OPERATORS)
def test_what_counts_as_integer_has_an_integer_kernel(op, inputs, attributes, kind):
    content = quantized(op, list(inputs), attributes, kind)
    (found,) = [one for one in open_model_file(content, "onnx").facts.operators if one.op == op]
    assert (found.arithmetic == "float") == takes_floats(optimized(content).graph)


@pytest.mark.parametrize(("op", "inputs", "attributes"), MOVING)
def test_what_only_moves_values_calculates_nothing(op, inputs, attributes):
    content = quantized(op, inputs, attributes, np.int8)
    (found,) = [one for one in open_model_file(content, "onnx").facts.operators if one.op == op]
    assert found.arithmetic == "none"


def test_what_joins_codes_calculates_in_integers():
    """tf2onnx joins the branches of an Inception block as the bytes that they are, without a DequantizeLinear."""
    constants = [numpy_helper.from_array(np.float32(0.05), "scale"), numpy_helper.from_array(np.uint8(0), "zero")]
    quantizing = [helper.make_node("QuantizeLinear", [name, "scale", "zero"], [f"{name}_codes"]) for name in TWO]
    joined = helper.make_node("Concat", [f"{name}_codes" for name in TWO], ["joined"], axis=1)
    pooled = helper.make_node("MaxPool", ["joined"], ["pooled"], kernel_shape=[2, 2])
    back = helper.make_node("DequantizeLinear", ["pooled", "scale", "zero"], ["answer"])
    images = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4, 6, 6)) for name in TWO]
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
    graph = helper.make_graph([*quantizing, joined, pooled, back], "graph", images, [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = {one.op: one.arithmetic for one in open_model_file(model.SerializeToString(), "onnx").facts.operators}
    assert (found["Concat"], found["MaxPool"]) == ("int8", "none")
    assert not takes_floats(optimized(model.SerializeToString()).graph)


@pytest.mark.parametrize(("to", "kind"), [(TensorProto.INT32, "int8"), (TensorProto.FLOAT, "float")])
def test_what_is_looked_up_by_codes_calculates_in_integers(to, kind):
    table = numpy_helper.from_array(np.arange(256, dtype="uint8"), "table")
    nodes = [helper.make_node("Cast", ["codes"], ["places"], to=to)]
    nodes.append(helper.make_node("GatherElements" if kind == "int8" else "Exp", ["table", "places"], ["found"]))
    del nodes[-1].input[: kind == "float"]
    ends = [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, (7,)),
        helper.make_tensor_value_info("found", TensorProto.UINT8 if kind == "int8" else TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], [table] if kind == "int8" else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = open_model_file(model.SerializeToString(), "onnx").facts.operators
    assert [one.arithmetic for one in found] == ["none", kind]
