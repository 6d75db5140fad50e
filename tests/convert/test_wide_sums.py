import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.convert.wide_sums import LARGEST_CODE, LIMIT
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner


def brightness_model(size: int) -> keras.Model:
    """Says whether an image is brighter than grey: a dense layer that adds all its pixels up, all weights the same."""
    image = keras.Input((size, size, 1))
    head = layers.Dense(2, activation="softmax")
    model = keras.Model(image, head(layers.Flatten()(layers.Rescaling(1 / 255)(image))))
    slope = 20 / size**2
    head.set_weights([np.full((size**2, 2), [slope, -slope], "float32"), np.array([-10, 10], "float32")])
    return model


def bias_types(content: bytes) -> list[int]:
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    return [graph.tensors[operator.inputs[2]].type for operator in graph.operators if len(operator.inputs) == 3]


# 18 * 18 weights of the largest code add up to 324 * 127 = 41,148, and the bias is half of them: 61,722, less than
# 65,538 = 2**31 / 32,767. 40 * 40 are 203,200 alone.
@pytest.mark.parametrize("size, bias", [(18, schema.TensorType.INT32), (40, schema.TensorType.INT64)])
def test_sums_are_as_wide_as_the_weights_need(size, bias):
    assert (LARGEST_CODE * 1.5 * 127 * size**2 < LIMIT) == (bias == schema.TensorType.INT32)
    model = brightness_model(size)
    levels = np.array([0, 60, 100, 160, 200, 255], np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (len(levels), size, size, 1)).copy()
    content = convert_tflite(fold(model), precision="int16x8", pixels=calibration_pixels(images))
    assert bias_types(content) == [bias]
    with open_runner(content, format="tflite") as runner:
        # Logits of range +-10 in 16 bits, weights all the same: exact to 1 part in 2**15.
        assert np.abs(runner.predict(images) - model.predict(images.astype("float32"), verbose=0)).max() < 1e-3
