"""One small trained network as .keras, .tflite and .onnx, for the benchmark's tests."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.digits import digits


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tensorflow) -> Path:
    """What ``write_model_folder`` writes, in a folder ``digits``; for reading only."""
    folder = tmp_path_factory.mktemp("trained") / "digits"
    folder.mkdir()
    write_model_folder(folder)
    return folder


def write_model_folder(folder: Path) -> None:
    """Softmax regression, trained for a second: digits.keras, two .tflite and one .onnx, raw pixels in."""
    import keras
    import tensorflow as tf

    images, labels = digits("train")
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), name="image")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax", name="probabilities")(flat))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(images.astype("float32"), labels, epochs=10, verbose=0)
    model.save(folder / "digits.keras")

    kernel, bias = model.layers[-1].get_weights()

    def converter() -> tf.lite.TFLiteConverter:
        @tf.function(input_signature=[tf.TensorSpec((1, 28, 28, 1), tf.float32, name="image")])
        def probabilities(image):
            return tf.nn.softmax(tf.reshape(image, (1, 784)) @ (kernel / 255) + bias)

        return tf.lite.TFLiteConverter.from_concrete_functions([probabilities.get_concrete_function()])

    (folder / "digits_float32.tflite").write_bytes(converter().convert())
    quantized = converter()
    quantized.optimizations = [tf.lite.Optimize.DEFAULT]
    quantized.representative_dataset = lambda: ([image[None].astype("float32")] for image in images[:100])
    quantized.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quantized.inference_input_type = quantized.inference_output_type = tf.uint8
    (folder / "digits_int8.tflite").write_bytes(quantized.convert())
    (folder / "digits_float32.onnx").write_bytes(_onnx(kernel / 255, bias))


def _onnx(kernel: np.ndarray, bias: np.ndarray) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Gemm", ["flat", "kernel", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 28, 28, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
