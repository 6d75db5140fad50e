"""What a network is made of and what it looks at: a table of its layers, feature maps, and Grad-CAM.

The maps are computed on the folded twin of the model (see ``fold``): it gives the same probabilities, a convolution
there has the batch normalization and the ReLU behind it inside, and the scores before the softmax are a layer's output.

Feature maps and Grad-CAM need the TensorFlow backend, for its gradient tape.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import UsageError
from cnnedge.model.backend import require_tensorflow
from cnnedge.model.fold import fold
from cnnedge.model.networks import count_macs, layer_macs

if TYPE_CHECKING:
    import keras

    from cnnedge.data import Split

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")


def layer_table(model: "keras.Model") -> str:
    """One line per layer that has parameters: output shape of one image, parameters, multiply-accumulates; a total."""
    lines = [f"{'layer':<30} {'output':<14} {'parameters':>10} {'MACs':>12}"]
    for layer in model.layers:
        if layer.count_params():
            shape = " x ".join(str(size) for size in layer.output.shape[1:])
            name = f"{layer.name} ({type(layer).__name__})"
            lines.append(f"{name:<30} {shape:<14} {layer.count_params():>10,} {layer_macs(layer):>12,}")
    lines.append(f"{'total':<30} {'':<14} {model.count_params():>10,} {count_macs(model):>12,}")
    return "\n".join(lines)


def busiest_of_each_class(split: "Split") -> list[int]:
    """The index of each class's busiest image, where neighbouring pixels differ most; the busiest class first."""
    busyness = np.concatenate([_busyness(images) for images, _ in split.batches(500)])
    order = np.argsort(-busyness, kind="stable")
    first_of_class = np.unique(split.labels[order], return_index=True)[1]
    return order[np.sort(first_of_class)].tolist()


def _busyness(images: np.ndarray) -> np.ndarray:
    """How much neighbouring pixels of each of uint8 ``(N, H, W, C)`` differ: float32 ``(N,)``."""
    grey = images.mean(axis=3, dtype=np.float32)
    return sum(np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))


def map_layers(model: "keras.Model") -> list[str]:
    """The names of the convolutions, from the image on: what ``feature_maps`` and ``grad_cam`` take as a layer."""
    return list(_map_tensors(fold(model)))


def feature_maps(model: "keras.Model", images: np.ndarray, layer: str) -> np.ndarray:
    """The output of the convolution ``layer`` after batch normalization and activation.

    Args:
        model: a classifier, pixels 0..255 in, probabilities out.
        images: uint8 ``(N, H, W, C)``.
        layer: one of ``map_layers(model)``.

    Returns:
        float32 ``(N, height, width, channels)``; at least 0 behind a ReLU.

    Raises:
        UsageError: the model has no such convolution, or ``KERAS_BACKEND`` is not tensorflow.
        ModelError: see ``checks.check_classifier``.
    """
    maps, _ = _inspector(model, layer)(images.astype(np.float32), training=False)
    return np.asarray(maps)


def grad_cam(model: "keras.Model", images: np.ndarray, classes: np.ndarray, layer: str | None = None) -> np.ndarray:
    """How much each place of an image speaks for a class (Grad-CAM: Selvaraju et al. 2017, arXiv 1610.02391).

    Each channel of the feature map is weighted by the mean gradient of the class's score before the softmax;
    the weighted sum, cut off below 0, is scaled so that its largest value is 1, and brought to the image's size.

    Args:
        model, images: as in ``feature_maps``.
        classes: int ``(N,)``, for each image the index of the class that is asked about.
        layer: one of ``map_layers(model)``; the last one if not given. Earlier ones show more detail and mean less.

    Returns:
        float32 ``(N, H, W)``, 0..1; all 0 where no place speaks for the class.

    Raises:
        UsageError, ModelError: as in ``feature_maps``.
        ValueError: there is not one class for each image.
    """
    if classes.shape != images.shape[:1]:
        raise ValueError(f"classes are of shape {classes.shape}, expected {images.shape[:1]}: one for each image")
    inspector = _inspector(model, layer)
    import keras
    import tensorflow as tf

    with tf.GradientTape() as tape:
        maps, scores = inspector(images.astype(np.float32), training=False)
        chosen = tf.gather(scores, classes, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(chosen, maps), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=3, keepdims=True))
    heat = np.asarray(keras.ops.image.resize(heat, images.shape[1:3], interpolation="bilinear"))[..., 0]
    largest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, largest, out=np.zeros_like(heat), where=largest > 0)


def _inspector(model: "keras.Model", layer: str | None) -> "keras.Model":
    """From images to a pair: the feature map of ``layer``, and the scores before the softmax ``(N, classes)``."""
    require_tensorflow()
    import keras

    folded = fold(model)
    tensors = _map_tensors(folded)
    if not tensors:
        raise UsageError(f"{model.name} has no convolution: there is no feature map to show")
    if layer is not None and layer not in tensors:
        raise UsageError(f"{model.name} has no convolution {layer!r}: expected one of {', '.join(tensors)}")
    return keras.Model(folded.inputs[0], [tensors[layer or list(tensors)[-1]], folded.layers[-1].input])


def _map_tensors(folded: "keras.Model") -> dict[str, Any]:
    return {layer.name: layer.output for layer in folded.layers if type(layer).__name__ in CONVOLUTIONS}
