import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnedge.errors import ModelError
from cnnedge.formats.onnx.reader import read_onnx
from cnnedge.formats.onnx.shapes import infer_shapes
from tests.support import models


def parsed() -> onnx.ModelProto:
    return onnx.load_from_string(models.colours_onnx())


def test_what_is_read_is_what_the_onnx_package_reads():
    content = models.with_passport(models.colours_onnx())
    ours, theirs = read_onnx(content), onnx.load_from_string(content)
    assert [(n.op, n.inputs, n.outputs) for n in ours.nodes] == [
        (n.op_type, tuple(n.input), tuple(n.output)) for n in theirs.graph.node
    ]
    assert ours.nodes[1].integers("axes") == (1, 2)
    assert ours.nodes[1].integer("keepdims", 1) == 0
    assert ours.inputs[0].shape == (None, 4, 4, 3)
    assert ours.initializers["weights"].shape == (3, 3)
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret.bin"


def custom_domain(model):
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def function(model):
    model.functions.add().name = "Mine"


def inner_graph(model):
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    model.graph.node[0].attribute.append(helper.make_attribute("body", graph))


def short_data(model):
    model.graph.initializer[0].raw_data = b"\0" * 7


def negative_shape(model):
    model.graph.initializer[0].dims[0] = -3


def reads_itself(model):
    model.graph.node[1].input[0] = model.graph.node[1].output[0]


def sparse(model):
    model.graph.sparse_initializer.add()


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (external, "keeps its data in another file"),
        (custom_domain, "is of the custom domain 'com.example'"),
        (function, "functions of its own"),
        (inner_graph, "carries a graph"),
        (short_data, r"has 7 bytes of data, expected 36 for float32 \(3, 3\)"),
        (negative_shape, "has shape"),
        (reads_itself, "before anything wrote it"),
        (sparse, "sparse"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_lies_are_named(lie, message):
    model = parsed()
    lie(model)
    with pytest.raises(ModelError, match=message):
        read_onnx(model.SerializeToString())


def test_every_truncation_is_refused():
    # The file starts with its version; cut after a whole field it may still be protobuf, but lacks its graph or output.
    content = models.colours_onnx()
    refused = 0
    for length in range(len(content) - 1):
        try:
            read_onnx(content[:length])
        except ModelError:
            refused += 1
    assert refused >= len(content) - 8  # the operator set comes last: 6 bytes without which the graph is whole


def network(rng: np.random.Generator) -> onnx.ModelProto:
    """Every shape rule at once, with sizes and strides that tell axes apart."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Pad", ["a", "pads"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], strides=[2, 1], dilations=[1, 2], pads=[1, 0, 2, 3]),
        helper.make_node("Conv", ["c", "w2"], ["d"], auto_pad="SAME_UPPER", strides=[2, 2], group=2),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("AveragePool", ["e"], ["f"], kernel_shape=[2, 1]),
        helper.make_node("Add", ["f", "bias"], ["g"]),
        helper.make_node("Concat", ["g", "f"], ["h"], axis=1),
        helper.make_node("GlobalAveragePool", ["h"], ["i"]),
        helper.make_node("Flatten", ["i"], ["j"]),
        helper.make_node("Gemm", ["j", "w3"], ["k"], transB=1),
        helper.make_node("Reshape", ["k", "shape"], ["l"]),
        helper.make_node("Squeeze", ["l", "last"], ["m"]),
        helper.make_node("MatMul", ["m", "w4"], ["n"]),
        helper.make_node("ReduceMean", ["h"], ["o"], axes=[2, 3], keepdims=0),
        helper.make_node("ConvTranspose", ["c", "w5"], ["p"]),
    ]
    shapes = {
        "w1": (4, 3, 3, 2),
        "w2": (6, 2, 3, 3),
        "bias": (6, 1, 1),
        "w3": (8, 12),
        "w4": (8, 5),
        "w5": (4, 2, 2, 2),
    }
    constants = [numpy_helper.from_array(rng.normal(size=s).astype("f"), name) for name, s in shapes.items()]
    integers = {"pads": [0, 0, 1, 2, 0, 0, 3, 4], "shape": [0, -1, 1], "last": [2]}
    constants += [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in integers.items()]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 20, 17, 3])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "no"]
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def test_shapes_agree_with_onnx_runtime():
    import onnxruntime

    model = network(np.random.default_rng(0))
    found = infer_shapes(read_onnx(model.SerializeToString()))
    for name in "abcdefghijklmno":
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    del model.graph.output[:2]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    arrays = session.run(None, {"image": np.zeros((1, 20, 17, 3), np.float32)})
    for output, array in zip(session.get_outputs(), arrays, strict=True):
        assert found[output.name] == array.shape, output.name
    assert "p" not in found  # an operator without a rule: unknown, not guessed


@pytest.mark.parametrize(
    ("op", "constants"),
    [
        ("Slice", {"first": [1, -3], "last": [9, -1]}),
        ("Slice", {"first": [2], "last": [-1], "axes": [-1]}),
        ("Slice", {"first": [5], "last": [0], "axes": [2], "steps": [-2]}),
        ("Tile", {"times": [1, 2, 3]}),
    ],
)
def test_shapes_that_constants_decide_are_those_of_onnx(op, constants):
    held = [numpy_helper.from_array(np.array(values, "int64"), name) for name, values in constants.items()]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", (4, 5, 6)), ("y", None))
    ]
    graph = helper.make_graph([helper.make_node(op, ["x", *constants], ["y"])], "graph", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim
    assert infer_shapes(read_onnx(model.SerializeToString()))["y"] == tuple(size.dim_value for size in inferred)
