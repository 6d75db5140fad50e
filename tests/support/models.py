"""Small real models for the runtime's and the commands' tests: digits from Keras, and an ONNX file made by hand."""

import functools
import os
from typing import Any

import numpy as np

from tests.support.digits import digits

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

COLOURS = ("red", "green", "blue")


@functools.cache
def digits_keras() -> Any:
    """Convolution, pooling and dense layer, trained for some seconds: raw pixels in, probabilities out."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    model = keras.Model(image, layers.Dense(10, activation="softmax", name="probabilities")(x))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    images, labels = digits("train")
    model.fit(images.astype("float32"), labels, epochs=6, batch_size=50, verbose=0)
    return model


@functools.cache
def digits_tflite(precision: str = "int8", io: str = "uint8", *, scaled: bool = False) -> bytes:
    """``digits_keras`` as TFLite.

    Args:
        precision: float32, dynamic, int8 or int16x8; ``io`` for the quantized ones.
        scaled: whether a float32 file is fed -1..1 instead of pixels.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model, images = digits_keras(), digits("train")[0].astype("float32")
    function = tf.function(lambda image: model(image * 127.5 + 127.5 if scaled else image, training=False))
    traced = function.get_concrete_function(tf.TensorSpec((1, 28, 28, 1), tf.float32, name="image"))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(traced)])
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision in ("int8", "int16x8"):
        sets = tf.lite.OpsSet
        int16 = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.representative_dataset = lambda: ([image[None]] for image in images[:100])
        converter.target_spec.supported_ops = [int16 if precision == "int16x8" else sets.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, io)
    return converter.convert()


def colours_onnx(*, dtype: str = "uint8", layout: str = "NHWC", batch: int | None = None) -> bytes:
    """An ONNX file whose answer is plain to see: which of red, green and blue is strongest in a 4x4 picture.

    The score is the softmax over the channels' means divided by 32, so ``colours_answer`` can be worked out by hand.
    """
    from onnx import TensorProto, helper, numpy_helper

    shape = [batch or "N", 4, 4, 3] if layout == "NHWC" else [batch or "N", 3, 4, 4]
    kind = TensorProto.UINT8 if dtype == "uint8" else TensorProto.FLOAT
    axes = [1, 2] if layout == "NHWC" else [2, 3]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    weights = numpy_helper.from_array(np.eye(3, dtype=np.float32) / 32, "weights")
    graph = helper.make_graph(
        nodes, "colours", [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch or "N", 3])], [weights],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def colours_answer(images: np.ndarray) -> np.ndarray:
    """What ``colours_onnx`` must say: float64 (N, 3)."""
    exponentials = np.exp(images.astype(float).mean(axis=(1, 2)) / 32)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def colour_picture(name: str, size: tuple[int, int] = (4, 4)) -> np.ndarray:
    """A plain picture, uint8 (H, W, 3), in one of COLOURS."""
    picture = np.full((*size, 3), 40, np.uint8)
    picture[..., COLOURS.index(name)] = 220
    return picture


def quantized_onnx(*, float_weights: bool = False, open_end: bool = False, hidden: bool = False) -> bytes:
    """Convolution, ReLU and dense layer between QuantizeLinear and DequantizeLinear, on a uint8 image.

    ``float_weights`` leaves the convolution's weights in float; ``open_end`` leaves out the quantization after it;
    ``hidden`` puts another dense layer before the last, as tf2onnx writes them: a product and a sum.
    """
    from onnx import TensorProto, helper, numpy_helper

    node, constants = helper.make_node, {}

    def constant(name: str, value: np.ndarray) -> str:
        constants[name] = numpy_helper.from_array(value, name)
        return name

    scale, zero = constant("s", np.float32(0.02)), constant("z", np.uint8(0))
    signed = constant("zs", np.int8(0))
    kernel = np.arange(-18, 18, dtype=np.int8).reshape(4, 1, 3, 3)
    nodes = [
        node("DequantizeLinear", ["image", scale, zero], ["pixels"]),
        node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        node("DequantizeLinear", [constant("w", kernel), scale, signed], ["kernel"]),
        node("Conv", ["planes", constant("wf", kernel.astype("f")) if float_weights else "kernel"], ["sums"]),
        node("Relu", ["sums"], ["positive"]),
        node("QuantizeLinear", ["positive", scale, zero], ["q"]),
        node("DequantizeLinear", ["q", scale, zero], ["values"]),
        node("Reshape", ["positive" if open_end else "values", constant("shape", np.array([-1, 144]))], ["row"]),
    ]
    if hidden:
        bias = constant("b", np.arange(8, dtype=np.int32)), constant("bs", np.float32(0.0004))
        nodes += [
            node("DequantizeLinear", [constant("u", np.ones((144, 8), np.int8)), scale, signed], ["inner"]),
            node("DequantizeLinear", [*bias], ["bias"]),
            node("MatMul", ["row", "inner"], ["product"]),
            node("Add", ["product", "bias"], ["hidden_sums"]),
            node("Relu", ["hidden_sums"], ["hidden_positive"]),
            node("QuantizeLinear", ["hidden_positive", scale, zero], ["hidden_q"]),
            node("DequantizeLinear", ["hidden_q", scale, zero], ["hidden"]),
        ]
    last, features = ("hidden", 8) if hidden else ("row", 144)
    nodes += [
        node("DequantizeLinear", [constant("v", np.ones((features, 3), np.int8)), scale, signed], ["dense"]),
        node("Gemm", [last, "dense"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes, "quantized", [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 8, 8, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        list(constants.values()),
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def with_passport(content: bytes, labels: tuple[str, ...] = COLOURS, **facts: Any) -> bytes:
    """An ONNX file with a passport in its metadata."""
    import onnx

    from cnnedge.passport import PASSPORT_KEY, Passport

    passport = Passport(
        model="colours", format="onnx", precision="float32", qat=False, labels=labels, input_shape=(4, 4, 3),
        input_dtype="uint8", output_dtype="float32", licence="CC0", top1=0.9, test_images=10, **facts,
    )  # fmt: skip
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {PASSPORT_KEY: passport.to_json()})
    return model.SerializeToString()
