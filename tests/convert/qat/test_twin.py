"""The rounding twin: which layers are integer in the file, and that it computes what the model does."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from cnnedge.convert.integer_forms import SteepElu
from cnnedge.convert.mixed import Calibrated
from cnnedge.convert.qat.ranges import start_ranges
from cnnedge.convert.qat.twin import float_layers, rounding_twin, with_trained_weights
from cnnedge.convert.to_onnx import convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.errors import ConversionError
from cnnedge.model.fold import fold
from cnnedge.runtime.opening import open_runner


def gate(x):
    return layers.Conv2D(8, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))


def branch(x):
    return layers.Conv2D(8, 1)(x)


# Each kind reads the same convolution; what they give is pooled and goes into one head.
INTEGER = {
    **{
        name: lambda x, name=name: layers.Activation(name)(branch(x))
        for name in ("relu6", "leaky_relu", "silu", "gelu", "hard_silu", "hard_sigmoid", "tanh", "sigmoid", "softmax")
    },
    "activation inside": layers.Conv2D(8, 3, activation="silu"),
    "elu": layers.ELU(),
    "elu of another slope": lambda x: SteepElu(0.4)(branch(x)),
    "elu inside": layers.Conv2D(8, 3, activation="elu"),
    "grouped": layers.Conv2D(8, 3, groups=4, dilation_rate=2),
    "depthwise": layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
    "separable": layers.SeparableConv2D(8, 3, activation="relu"),
    "transposed": layers.Conv2DTranspose(8, 3, strides=2, activation="relu"),
    "normalized": lambda x: layers.ReLU()(layers.BatchNormalization()(layers.MaxPooling2D(2)(x))),
    "relu6 layer": lambda x: layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3)(x))),
    "leaky layer": layers.LeakyReLU(),
    "prelu": layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.3)),
    "pooling": lambda x: layers.Concatenate()([layers.AveragePooling2D(2)(x), layers.MaxPooling2D(2)(x)]),
    "global maximum": layers.GlobalMaxPooling2D(),
    "multiply": lambda x: layers.Multiply()([x, gate(x)]),
    "add": lambda x: layers.ReLU()(layers.Add()([x, branch(x)])),
    "subtract": lambda x: layers.Subtract()([x, branch(x)]),
    "average": lambda x: layers.Average()([x, branch(x)]),
    "maximum": lambda x: layers.Maximum()([x, branch(x)]),
    "shapes": lambda x: layers.Flatten()(layers.Permute((2, 1))(layers.Reshape((64, 8))(x))),
    "borders": lambda x: layers.Cropping2D(1)(layers.ZeroPadding2D(2)(x)),
    "resizing": lambda x: layers.Resizing(9, 9)(layers.UpSampling2D(2)(x)),
    "dense on a map": layers.Dense(8, activation="relu"),
}
FLOAT = (layers.Activation("selu", name="selu"), layers.LayerNormalization(name="norm"))


def network(kinds) -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(image))
    features = [kind(x) for kind in kinds]
    features = [layers.GlobalAveragePooling2D()(y) if len(y.shape) > 2 else y for y in features]
    joined = layers.Concatenate()(features) if len(features) > 1 else features[0]
    model = keras.Model(image, layers.Dense(3, activation="softmax")(joined))
    rng = np.random.default_rng(0)
    for layer in model.layers:  # statistics and scales as after a training, not the neutral ones of a fresh layer
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return fold(model)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (32, 8, 8, 3)).astype("float32")


def float_operators(content: bytes) -> list[str]:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    steps = [(step["op_name"], tensors[step["outputs"][0]]) for step in interpreter._get_ops_details()]
    return [
        f"{kind} {output['name']}" for kind, output in steps if output["dtype"] == np.float32 and kind != "DELEGATE"
    ]


def answers(content: bytes, images: np.ndarray) -> np.ndarray:
    runner = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([runner(image=image[None].astype("uint8"))["probabilities"] for image in images]) / 256


def converted(folded: keras.Model, images: np.ndarray) -> tuple[bytes, keras.Model]:
    """The file, and the twin, which was proved to give the folded model's probabilities."""
    twin = rounding_twin(folded)
    start_ranges(twin, folded, images)
    return convert_tflite(twin, precision="int8", fake_quantized=True), twin


def test_every_kind_is_integer_and_computes_what_the_twin_does(images):
    folded = network(INTEGER.values())
    content, twin = converted(folded, images)
    assert float_operators(content) == [] and float_layers(folded) == []
    # The file rounds where the twin does. Ties apart it differs by the softmax's steps of 1/256, two at most.
    assert np.median(np.abs(answers(content, images) - twin(images, training=False))) <= 2 / 256
    with open_runner(convert_onnx_int8(content), format="onnx") as runner:
        assert np.median(np.abs(runner.predict(images.astype("uint8")) - twin(images, training=False))) <= 2 / 256
    interpreter = Interpreter(model_content=content)
    scales = [len(tensor["quantization_parameters"]["scales"]) for tensor in interpreter.get_tensor_details()]
    assert 16 in scales, "a depthwise convolution of 8 channels with two outputs each has a scale for every one"


def test_what_has_no_integer_kernel_stays_in_float_and_is_named(images):
    folded = network(FLOAT)
    content, twin = converted(folded, images)
    assert float_layers(folded) == ["selu", "norm"]
    assert {name.split()[0] for name in float_operators(content)} > {"EXP", "RSQRT"}
    assert np.median(np.abs(answers(content, images) - twin(images, training=False))) <= 2 / 256


def test_layers_that_are_named_keep_their_weights_and_compute_in_float(images):
    folded = network([layers.Conv2D(8, 3, name="left"), layers.Conv2D(8, 3, name="other")])
    twin = rounding_twin(folded, ["left"])
    start_ranges(twin, folded, images)
    trained = with_trained_weights(folded, twin)
    for name in ("left", "other"):
        kept = np.array_equal(trained.get_layer(name).get_weights()[0], folded.get_layer(name).get_weights()[0])
        assert kept == (name == "left")
    content = Calibrated.of(trained, images).file(["left"])
    assert {name.split()[0] for name in float_operators(content)} & {"CONV_2D"}
    # Ranges are those of calibration here and there; weights are rounded once more, by a quarter of a 7-bit step.
    assert np.median(np.abs(answers(content, images) - twin(images, training=False))) <= 2 / 256


def test_a_twin_that_computes_something_else_is_refused(images):
    folded = network([layers.ReLU()])
    twin = rounding_twin(folded)
    folded.layers[1].bias.assign(folded.layers[1].bias + 1)
    with pytest.raises(ConversionError, match=r"differs from the float one by .*, expected at most 0\.0001"):
        start_ranges(twin, folded, images)
