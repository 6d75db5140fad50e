"""The shapes of the tutorials, saved as their users save them, from the file to both formats."""

import keras
import numpy as np
import pytest

from cnnedge.convert.calibration import spanning
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.model.fold import fold
from cnnedge.model.preprocessing import declared
from cnnedge.model.proof import synthetic_pictures
from cnnedge.model.source import read_source
from cnnedge.runtime.opening import open_runner
from tests.support.tutorials import TUTORIALS, settled


@pytest.fixture(autouse=True)
def with_tensorflow(tensorflow):
    """Conversion is TensorFlow's."""


def answers(content, format, pixels):
    with open_runner(content, format=format) as runner:
        return runner.predict(pixels.astype("uint8"))


@pytest.mark.parametrize("name", TUTORIALS)
def test_files_of_both_formats_answer_as_keras_does(name, tmp_path):
    tutorial = TUTORIALS[name]
    keras.utils.set_random_seed(3)
    path = tutorial.save(settled(tutorial.make(tutorial.small), tutorial.small, tutorial.scale), tmp_path / "theirs")
    read = read_source(path, preprocessing=declared(scale=tutorial.scale))
    pixels = spanning(synthetic_pictures(read.model.input_shape[1:], 16))
    expected, folded = read.reference(pixels), fold(read.model)
    files = {precision: convert_tflite(folded, precision=precision, pixels=pixels) for precision in ("float32", "int8")}
    floats = [answers(files["float32"], "tflite", pixels)]
    floats.append(answers(convert_onnx_float32(files["float32"]), "onnx", pixels))
    for found in floats:
        assert np.abs(found - expected).max() < 1e-4
    tflite = answers(files["int8"], "tflite", pixels)
    onnx = answers(convert_onnx_int8(files["int8"]), "onnx", pixels)
    # Untrained weights do not bear 8 bits as trained ones do: single answers of MobileNetV2 were off by 0.24. The mean
    # over all pictures is what a broken graph moves.
    assert np.abs(tflite - onnx).mean() < 0.1
    assert np.abs(tflite - expected).mean() < 0.1
