"""One small trained network as .keras, .tflite and .onnx, and real digits, for the benchmark's tests."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from cnnedge.data import ArraySplit, Split, pixels_of

DIGITS = tuple(str(digit) for digit in range(10))


def digits() -> tuple[Split, Split]:
    """1,000 training and 500 test digits, 28 x 28, from the sample that the package carries."""
    with np.load(files("cnnedge.data.published") / "mnist_sample.npz") as arrays:
        return (
            ArraySplit(arrays["x_train"], arrays["y_train"].astype(np.int64)),
            ArraySplit(arrays["x_test"], arrays["y_test"].astype(np.int64)),
        )


def write_model_folder(folder: Path) -> None:
    """Softmax regression, trained for a second: digits.keras, two .tflite and one .onnx, raw pixels in."""
    import keras
    import tensorflow as tf

    train, _ = digits()
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), name="image")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax", name="probabilities")(flat))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(pixels_of(train).astype("float32"), train.labels, epochs=10, verbose=0)
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
    quantized.representative_dataset = lambda: ([image[None].astype("float32")] for image in pixels_of(train, 100))
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


def write_image_folder(folder: Path, per_class: int = 12) -> None:
    """Real digits as ``train/<class>/*.png`` and ``test/<class>/*.png``."""
    for part, split in zip(("train", "test"), digits(), strict=True):
        for digit in range(10):
            target = folder / part / str(digit)
            target.mkdir(parents=True)
            for index in np.flatnonzero(split.labels == digit)[:per_class]:
                Image.fromarray(split.pixels([index])[0, :, :, 0]).save(target / f"{index}.png")
