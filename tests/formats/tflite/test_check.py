"""Lies in a TFLite file that have ended, or could end, the process that opens it: each must be refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cnnedge.errors import ModelError
from cnnedge.formats.tflite import vocabulary
from cnnedge.formats.tflite.check import check_graph
from cnnedge.formats.tflite.operators import RULES
from cnnedge.formats.tflite.reader import read_tflite
from tests.support import models
from tests.support.tflite_objects import OPERATORS, first, packed, parsed


def check(content: bytes) -> None:
    check_graph(read_tflite(content))


def weights(model: schema.ModelT) -> schema.TensorT:
    return model.subgraphs[0].tensors[first(model, OPERATORS.CONV_2D).inputs[1]]


@pytest.mark.parametrize("precision", ["float32", "dynamic", "int8", "int16x8"])
def test_honest_files_pass(precision):
    check(models.digits_tflite(precision, "float32"))


def test_a_file_written_anew_by_the_schema_passes():
    check(packed(parsed()))


def stride(model):
    first(model, OPERATORS.CONV_2D).builtinOptions.strideW = 0


def window(model):
    first(model, OPERATORS.MAX_POOL_2D).builtinOptions.filterHeight = 0


def padding(model):
    first(model, OPERATORS.MAX_POOL_2D).builtinOptions.padding = 7


def other_options(model):
    first(model, OPERATORS.SOFTMAX).builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    first(model, OPERATORS.SOFTMAX).builtinOptions = schema.Pool2DOptionsT()


def no_options(model):
    first(model, OPERATORS.SOFTMAX).builtinOptionsType = 0
    first(model, OPERATORS.SOFTMAX).builtinOptions = None


def far_tensor(model):
    first(model, OPERATORS.SOFTMAX).inputs = [1000]


def missing_weights(model):
    operator = first(model, OPERATORS.CONV_2D)
    operator.inputs = [operator.inputs[0], -1, operator.inputs[2]]


def too_few_inputs(model):
    operator = first(model, OPERATORS.CONV_2D)
    operator.inputs = operator.inputs[:1]


def reads_itself(model):
    operator = first(model, OPERATORS.SOFTMAX)
    operator.inputs = operator.outputs


def writes_weights(model):
    first(model, OPERATORS.SOFTMAX).outputs = [first(model, OPERATORS.CONV_2D).inputs[1]]


def huge_shape(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, 2**20, 2**20, 1]
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = None


def negative_shape(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, -28, 28, 1]


def other_output_shape(model):
    graph = model.subgraphs[0]
    graph.tensors[first(model, OPERATORS.CONV_2D).outputs[0]].shape = [1, 13, 13, 800]


def other_output_type(model):
    graph = model.subgraphs[0]
    tensor = graph.tensors[first(model, OPERATORS.CONV_2D).outputs[0]]
    tensor.type, tensor.quantization.zeroPoint = schema.TensorType.FLOAT32, [0]


def short_weights(model):
    model.buffers[weights(model).buffer].data = np.zeros(3, np.uint8)


def fewer_scales(model):
    weights(model).quantization.scale = [0.5, 0.5]


def no_scale(model):
    weights(model).quantization.scale = [0.0] * 8


def scale_not_a_number(model):
    weights(model).quantization.scale = [float("nan")] * 8


def axis(model):
    weights(model).quantization.quantizedDimension = 9


def zero_point(model):
    weights(model).quantization.zeroPoint = [4000] * 8


def variable(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].isVariable = True


def text_tensor(model):
    weights(model).type = schema.TensorType.STRING


def control_flow(model):
    model.operatorCodes[first(model, OPERATORS.SOFTMAX).opcodeIndex].builtinCode = OPERATORS.WHILE


def second_graph(model):
    model.subgraphs.append(model.subgraphs[0])


def no_graph(model):
    model.subgraphs = []


def far_buffer(model):
    weights(model).buffer = 5000


def far_signature(model):
    signature, entry = schema.SignatureDefT(), schema.TensorMapT()
    signature.signatureKey, entry.name, entry.tensorIndex = "serving_default", "image", 5000
    signature.inputs, signature.outputs = [entry], []
    model.signatureDefs = [signature]


def no_input(model):
    model.subgraphs[0].inputs = []


def constant_input(model):
    model.subgraphs[0].inputs = [first(model, OPERATORS.CONV_2D).inputs[1]]


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (stride, "CONV_2D: option 1 is 0, expected 1..4096"),
        (window, "MAX_POOL_2D: option 4 is 0"),
        (padding, "MAX_POOL_2D: option 0 is 7, expected 0..1"),
        (other_options, "options of kind 5, expected 9"),
        (no_options, "SOFTMAX: it has no options"),
        (far_tensor, r"SOFTMAX reads tensors \(1000,\)"),
        (missing_weights, "CONV_2D has 3 inputs"),
        (too_few_inputs, "CONV_2D has 1 inputs, expected 2 to 3"),
        (reads_itself, "before anything wrote it"),
        (writes_weights, "already written"),
        (huge_shape, "bytes, expected at most"),
        (negative_shape, r"has shape \(1, -28, 28, 1\)"),
        (other_output_shape, r"gives an output of \(1, 13, 13, 8\), but \(1, 13, 13, 800\) is declared"),
        (other_output_type, "joins float32 and int8"),
        (short_weights, "has 3 bytes of data, expected 72"),
        (fewer_scales, "has 2 scales and 8 zero points, expected 8"),
        (no_scale, "has a scale outside"),
        (scale_not_a_number, "has a scale outside"),
        (axis, "quantized along axis 9"),
        (zero_point, "zero point outside int8"),
        (variable, "is variable"),
        (text_tensor, "is string"),
        (control_flow, "operator WHILE is not one of those"),
        (second_graph, "holds 2 graphs"),
        (no_graph, "holds 0 graphs"),
        (far_buffer, "in buffer 5000"),
        (far_signature, "names a tensor beyond"),
        (constant_input, "is a constant"),
        (no_input, "takes no input"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_lies_are_named(lie, message):
    model = parsed()
    lie(model)
    with pytest.raises(ModelError, match=message):
        check(packed(model))


def test_every_truncation_is_refused():
    content = models.digits_tflite()
    for length in [*range(0, 400), *range(400, len(content) - 1, 97)]:
        with pytest.raises(ModelError):
            check(content[:length])


def test_the_words_are_those_of_the_schema():
    def words(enumeration: type) -> dict[str, int]:
        return {name: number for name, number in vars(enumeration).items() if not name.startswith("_")}

    ours = {name: number for number, name in enumerate(vocabulary.BUILTIN_OPERATORS)}
    assert ours == words(OPERATORS)
    types = {name.upper(): number for number, name in enumerate(vocabulary.TENSOR_TYPES)}
    assert types == words(schema.TensorType)


def test_the_rules_name_fields_of_the_schema():
    source = Path(schema.__file__).read_text()
    tables = {number: name for name, number in vars(schema.BuiltinOptions).items() if not name.startswith("_")}

    def fields(table: str, kind: str) -> dict[int, str]:
        """Numbers and defaults of a table's fields of one kind, from the generated builder."""
        pattern = rf"def {table}Add\w+\(builder, \w+\):\s+builder\.Prepend{kind}Slot\((\d+), .+, (\d+)\)"
        return {int(number): int(default) for number, default in re.findall(pattern, source)}

    for name, rule in RULES.items():
        assert name in vocabulary.BUILTIN_OPERATORS
        integers = fields(tables[rule.options], "Int32")
        assert rule.positive.items() <= integers.items(), name
        assert rule.counts is None or rule.counts in integers, name
        assert set(rule.lists) == set(fields(tables[rule.options], "UOffsetTRelative")) - {5}, name
