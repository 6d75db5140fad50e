"""The twin of a folded Keras 3 model in tf_keras, the Keras that TFMOT builds on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnedge.convert.qat.fake_quantize import WEIGHTED, fake_quantized
from cnnedge.errors import ModelError
from cnnedge.model.fold import INPUT_NAME, is_plain_relu

if TYPE_CHECKING:
    import keras

# The configuration that each layer class is rebuilt from; what is not here, QAT cannot handle.
_REBUILT_FROM = {
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation"),
    "Dense": ("units", "activation"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "GlobalAveragePooling2D": (),
    "Flatten": (),
    "Add": (),
    "ReLU": (),
    "Softmax": (),
}


def check_supported(folded: "keras.Model") -> None:
    """Refuse, before any training, a model with a layer that QAT cannot handle.

    Raises:
        ModelError: names the layers.
    """
    bad = [
        f"{layer.name} ({type(layer).__name__})"
        for layer in folded.layers
        if type(layer).__name__ not in (*_REBUILT_FROM, "InputLayer") or getattr(layer, "groups", 1) != 1
    ]
    bad += [
        f"{layer.name} (activation {layer.activation.__name__})"
        for layer in folded.layers
        if type(layer).__name__ in WEIGHTED and layer.activation.__name__ not in ("linear", "relu")
    ]
    bad += [
        f"{x.name} (ReLU with a limit)" for x in folded.layers if type(x).__name__ == "ReLU" and not is_plain_relu(x)
    ]
    if bad:
        raise ModelError(
            f"quantization-aware training cannot handle {', '.join(bad)}: expected only "
            f"{', '.join(_REBUILT_FROM)}; post-training quantization (leave --qat out) may still work"
        )


def plain_twin(folded: "keras.Model") -> Any:
    """The tf_keras model that computes what ``folded`` does, with its weights."""
    return _rebuild(folded, None)


def fake_quantized_twin(folded: "keras.Model", ranges: Mapping[str, tuple[float, float]]) -> Any:
    """The plain twin with every weight and every range rounded as the int8 file rounds them.

    Args:
        ranges: (lowest, highest) output of layers by name, where their ranges start; see ``fake_quantized``.
    """
    return _rebuild(folded, ranges)


def _rebuild(folded: "keras.Model", ranges: Mapping[str, tuple[float, float]] | None) -> Any:
    import tensorflow as tf
    import tf_keras

    # Without it, the names of a second model in one process end in other numbers, and so do the file's.
    tf_keras.backend.reset_uids()
    image = tf_keras.Input(folded.inputs[0].shape[1:], name=INPUT_NAME)
    placed: dict[int, Any] = {id(folded.inputs[0]): image}
    if ranges is not None:
        # Raw pixels are integers 0..255 already: scale 1 exactly.
        placed[id(folded.inputs[0])] = tf.quantization.fake_quant_with_min_max_args(image, 0.0, 255.0)
    relu_inputs = {id(layer.input) for layer in folded.layers if type(layer).__name__ == "ReLU"}
    for layer in folded.layers[1:]:
        kind, config = type(layer).__name__, layer.get_config()
        twin = getattr(tf_keras.layers, kind)(name=layer.name, **{key: config[key] for key in _REBUILT_FROM[kind]})
        inputs = [placed[id(tensor)] for tensor in layer._inbound_nodes[0].input_tensors]
        if kind in WEIGHTED:
            # Before it is wrapped: the wrapper replaces the layer's kernel by its quantized value.
            twin.build(inputs[0].shape)
            twin.set_weights(layer.get_weights())
        call = (
            twin if ranges is None else fake_quantized(twin, kind, ranges, feeds_relu=id(layer.output) in relu_inputs)
        )
        placed[id(layer.output)] = call(inputs if len(inputs) > 1 else inputs[0])
    return tf_keras.Model(image, placed[id(folded.outputs[0])], name=folded.name)
