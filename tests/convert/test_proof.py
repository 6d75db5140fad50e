import keras
import numpy as np
import pytest

from cnnedge.convert.converter import Converter
from cnnedge.convert.proof import PICTURES, pictures_for, prove_same
from cnnedge.convert.scheme import Scheme
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.model.networks import build_model
from cnnedge.training.recipes import Recipe

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.40002, 0.39998, 0.2]], "float32")


def test_rounding_is_the_same_function_and_more_is_not():
    prove_same(ANSWERS + 5e-5, ANSWERS, "it")
    prove_same(ANSWERS[:, [0, 1, 2]] + np.array([[0, 0, 0], [-4e-5, 4e-5, 0]]), ANSWERS, "it")  # a tie may fall over
    with pytest.raises(ConversionError, match=r"the file is not the function .* differ by up to 0\.001 on 2 pictures"):
        prove_same(ANSWERS + 1e-3, ANSWERS, "the file")
    with pytest.raises(ConversionError, match="it is not written"):
        prove_same(ANSWERS * np.nan, ANSWERS, "it")
    with pytest.raises(ConversionError):
        prove_same(ANSWERS[:, :2], ANSWERS, "it")


def test_pictures_are_calibration_images_or_patches(sample):
    found = pictures_for((28, 28, 1), sample.calibration)
    assert found.shape == (PICTURES, 28, 28, 1) and np.array_equal(found[0], sample.calibration.pixels([0])[0])
    patches = pictures_for((30, 20, 3), None)
    assert patches.shape == (PICTURES, 30, 20, 3) and patches.dtype == np.uint8
    assert len(np.unique(patches)) > 200 and (patches[:, 0, 0] == patches[:, 7, 7]).all()


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_float_file_of_another_function_is_refused(format, digits_model, tensorflow):
    converter = Converter(digits_model, None, Recipe(epochs=1))
    scheme = Scheme(format, "float32")
    assert len(converter.convert(scheme)) > 1000
    other = build_model("mnist-tiny", seed=5)
    key = ("float32", False, "uint8")
    assert key in converter._tflite
    converter._tflite[key] = convert_tflite(fold(other), precision="float32")
    with pytest.raises(ConversionError, match=f"the float32 {format} file is not the function that the Keras model is"):
        converter.convert(scheme)
    assert keras.backend.backend() == "tensorflow"
