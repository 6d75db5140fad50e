import json
import math

import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError, UsageError
from cnnedge.formats.facts import TensorFacts
from cnnedge.formats.inspection import REQUIREMENTS, Inspection, inspect, unmet_requirements
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from tests.support import models
from tests.support.labelled_files import NAMES, PASSPORT, foreign
from tests.support.tflite_objects import OPERATORS, first, packed, parsed

# The digits network by hand: 13x13 positions of 8 filters 3x3x1, then 6*6*8 values into 10 classes.
CONVOLUTION, DENSE = 13 * 13 * 8 * 9, 288 * 10


@pytest.fixture
def report(tmp_path):
    """Inspect content under a file name."""

    def inspected(content: bytes, name: str = "model.tflite") -> Inspection:
        (tmp_path / name).write_bytes(content)
        return inspect(open_model_file(tmp_path / name))

    return inspected


@pytest.mark.parametrize(
    ("precision", "layers"),
    [("float32", (2, 0, 0)), ("int8", (0, 2, 0)), ("int16x8", (0, 0, 2)), ("dynamic", (2, 0, 0))],
)
def test_precision_and_layers_of_tflite(report, precision, layers):
    found = report(models.digits_tflite(precision, "float32"))
    assert found.precision == precision
    counts = (found.compute_ops_float, found.compute_ops_int8, found.compute_ops_int16)
    assert counts == layers
    assert found.macs == CONVOLUTION + DENSE


def test_everything_about_an_int8_file(report):
    content = embed_passport_tflite(models.digits_tflite(), PASSPORT)
    found = report(content, "digits_int8.tflite")
    assert (found.file, found.format, found.size_bytes) == ("digits_int8.tflite", "tflite", len(content))
    assert json.loads(json.dumps(found.to_json()))["inputs"] == [
        {"name": found.inputs[0].name, "shape": [1, 28, 28, 1], "dtype": "uint8", "scale": 1.0, "zero_point": 0}
    ]
    assert found.outputs[0].scale == 1 / 256
    assert found.ops == {
        "QUANTIZE": 2, "CONV_2D": 1, "MAX_POOL_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1,
    }  # fmt: skip
    assert found.weight_bytes["int8"] == 8 * 9 + 2880
    assert found.labels == list("0123456789")
    assert found.input_contract["values"] == "pixels 0..255 as decoded, no scaling"
    assert found.passport.model == "digits"
    assert (found.metadata.name, found.metadata.label_file) == ("digits", "labels.txt")
    assert (found.float_ops, found.flex_ops, found.custom_ops) == ([], [], [])
    assert unmet_requirements(found, list(REQUIREMENTS)) == []


def test_float_file_fails_int8_and_names_its_layers(report):
    found = report(models.digits_tflite("float32"))
    (sentence,) = unmet_requirements(found, ["int8", "no-flex", "static-batch"])
    assert sentence.startswith("int8: CONV_2D (")
    assert "FULLY_CONNECTED (" in sentence


def test_one_float_operator_among_integers_is_named(report):
    model = parsed()
    graph, pool = model.subgraphs[0], first(model, OPERATORS.MAX_POOL_2D)
    for index in [*pool.inputs, *pool.outputs]:
        graph.tensors[index].type = schema.TensorType.FLOAT32
    found = report(packed(model))
    (sentence,) = unmet_requirements(found, ["int8"])
    assert "MAX_POOL_2D (" in sentence


def test_flex_and_custom_operators_are_told_apart(report):
    model = parsed()
    for builtin, name in ((OPERATORS.SOFTMAX, "FlexSoftmax"), (OPERATORS.MAX_POOL_2D, "MyPool")):
        code = model.operatorCodes[first(model, builtin).opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode = OPERATORS.CUSTOM, OPERATORS.CUSTOM, name
    found = report(packed(model))
    assert [name.split(" ")[0] for name in found.flex_ops] == ["FlexSoftmax"]
    assert [name.split(" ")[0] for name in found.custom_ops] == ["MyPool"]
    assert [line.split(":")[0] for line in unmet_requirements(found, ["no-flex", "no-custom", "gpu"])] == [
        "no-flex", "no-custom", "gpu",
    ]  # fmt: skip


def test_free_batch_and_free_sizes(report):
    model = parsed()
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = [-1, 28, 28, 1]
    found = report(packed(model))
    assert found.inputs[0].shape == (None, 28, 28, 1)
    assert unmet_requirements(found, ["no-dynamic"]) == []
    assert "static-batch: input" in unmet_requirements(found, ["static-batch"])[0]
    graph.tensors[graph.inputs[0]].shapeSignature = [1, -1, 28, 1]
    assert "no-dynamic" in unmet_requirements(report(packed(model)), ["no-dynamic"])[0]


def fused_layers(content: bytes, folder) -> int:
    """How many layers ONNX Runtime itself turns into integer kernels: an independent count."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return sum(node.op_type in ("QLinearConv", "QGemm") for node in onnx.load(folder / "optimized.onnx").graph.node)


@pytest.mark.parametrize(
    ("options", "int8", "named"),
    [
        ({}, 2, []),
        ({"hidden": True}, 3, []),
        ({"float_weights": True}, 1, ["Conv (sums)", "Relu (positive)"]),
        ({"open_end": True}, 0, ["Conv (sums)", "Relu (positive)", "Reshape (row)", "Gemm (logits)"]),
    ],
    ids=["whole", "a product and a sum", "float weights", "not quantized after"],
)
def test_onnx_layers_count_as_integer_where_onnx_runtime_fuses_them(report, tmp_path, options, int8, named):
    content = models.quantized_onnx(**options)
    found = report(content, "model.onnx")
    assert found.compute_ops_int8 == int8
    assert found.float_ops_before_last_layer == named
    assert bool(unmet_requirements(found, ["int8"])) == bool(named)
    if not named:
        assert fused_layers(content, tmp_path) == int8


def test_onnx_figures(report):
    found = report(models.quantized_onnx(), "model.onnx")
    assert (found.precision, found.free_batch) == ("int8", True)
    assert found.macs == 6 * 6 * 4 * 9 + 144 * 3
    assert found.weight_bytes["int8"] == math.prod((4, 1, 3, 3)) + 144 * 3 + 1
    assert found.inputs == [TensorFacts("image", (None, 8, 8, 1), "uint8", scale=0.0, zero_point=0)]


def test_passport_of_an_onnx_file(report):
    found = report(models.with_passport(models.colours_onnx()), "colours.onnx")
    assert found.labels == list(models.COLOURS)
    assert found.precision == "float32"
    assert unmet_requirements(found, ["passport"]) == []


def test_labels_of_another_tools_file_are_those_of_its_metadata(report):
    found = report(foreign().content, "theirs.tflite")
    assert (found.passport, found.labels) == (None, list(NAMES))
    assert found.metadata.label_file == "names.txt"


def test_unknown_requirement_lists_the_known(report):
    with pytest.raises(UsageError, match="unknown requirement 'int9': expected int8, no-flex, no-custom"):
        unmet_requirements(report(models.digits_tflite()), ["int9"])


def test_damaged_files_are_named(report):
    with pytest.raises(ModelError, match=r"model\.tflite: this is a text file"):
        report(b"not a model at all, only words")
