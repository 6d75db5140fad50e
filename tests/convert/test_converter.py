"""What a converter refuses to hand on."""

import pytest

from cnnedge.convert.converter import Converter
from cnnedge.convert.scheme import Scheme
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.model.networks import build_model
from cnnedge.training.recipes import Recipe


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_float_file_of_another_function_is_refused(format, digits_model):
    converter = Converter(digits_model, None, Recipe(epochs=1))
    scheme = Scheme(format, "float32")
    assert len(converter.convert(scheme)) > 1000
    other = build_model("mnist-tiny", seed=5)
    key = ("float32", False, "uint8")
    assert key in converter._tflite
    converter.contents.clear()
    converter._tflite[key] = convert_tflite(fold(other), precision="float32")
    with pytest.raises(ConversionError, match=f"the float32 {format} file is not the function that the Keras model is"):
        converter.convert(scheme)


def test_models_and_files_that_no_file_to_come_needs_are_let_go(digits_model, sample):
    """With 30 million weights, each is 115 MB."""
    converter = Converter(digits_model, sample, Recipe(epochs=1))
    tflite, wide, onnx = Scheme("tflite", "int8"), Scheme("tflite", "int16x8"), Scheme("onnx", "int8")
    for scheme in (Scheme("tflite", "float32"), tflite, wide):
        converter.convert(scheme)
    converter.keep_for([wide, Scheme("onnx", "float32")])
    assert list(converter._integers._kept) == [(127, "int16x8")] and list(converter._tflite) == [
        ("float32", False, "uint8")
    ]
    converter.keep_for([Scheme("onnx", "int8", "qat")])
    assert list(converter._integers._kept) == [(127, "int16x8")] and not converter._tflite
    content = converter.convert(onnx)
    converter.keep_for([])
    assert not converter.contents and not converter._integers._kept
    assert numbers_in(converter.convert(onnx)) == numbers_in(content)


def numbers_in(content: bytes) -> list[bytes]:
    """The constants of an ONNX file, whose order follows names that TensorFlow counts on."""
    import onnx

    return sorted(item.raw_data for item in onnx.load_from_string(content).graph.initializer)
