import pytest

from cnnedge.errors import UsageError
from cnnedge.names import EXPORTS, ExportName

EVERY_NAME = [
    ExportName(model, precision, format, qat)
    for model in ("mnist", "cifar10-small", "my_int8_net")
    for format, precisions in EXPORTS.items()
    for precision in precisions
    for qat in ({False, precision == "int8"})
]


@pytest.mark.parametrize("name", EVERY_NAME, ids=lambda name: name.filename)
def test_every_name_is_read_back(name):
    assert ExportName.parse(f"some/folder/{name.filename}") == name


def test_grammar():
    assert ExportName("cifar10", "int8", "tflite", qat=True).filename == "cifar10_int8_qat.tflite"
    assert ExportName("mnist", "float32", "onnx").filename == "mnist_float32.onnx"


@pytest.mark.parametrize(
    "other",
    ["photo.png", "mnist.keras", "mnist_int4.tflite", "mnist_float16.onnx", "mnist_float32_qat.tflite", "int8.onnx"],
)
def test_other_peoples_names_are_none(other):
    assert ExportName.parse(other) is None


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("m", "int4", "tflite"), "unknown precision 'int4'"),
        (("m", "int8", "tf"), "unknown format 'tf'"),
        (("m", "float16", "onnx"), "onnx is not exported as float16"),
        (("m", "float32", "onnx", True), "makes int8 files, not float32"),
    ],
)
def test_contradictions_are_refused(arguments, complaint):
    with pytest.raises(UsageError, match=complaint):
        ExportName(*arguments)
